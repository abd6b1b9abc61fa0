// What was found in a picture, and how much of it is shown.

/** What the user chose to see. It holds for all pictures. */
export class Choices {
  constructor(model) {
    this.model = model;
    this.minScore = model.default_min_score;
    this.hasOwn = model.classes.some(one => one.min_score !== model.default_min_score);
    this.own = this.hasOwn; // whether each class has the lowest score that the model's evaluation found best
    this.opacity = .4;
    this.boxes = this.names = this.mask = true;
    this.hidden = new Set(); // numbers of classes
  }

  /** The lowest score of a class. */
  lowest(number) {
    return this.own ? this.model.classes[number - 1]?.min_score ?? this.minScore : this.minScore;
  }

  /** Whether a detection's score is high enough. */
  isFound({number, score}) {
    return score >= this.lowest(number);
  }

  /** Whether a class is on. */
  isOn(number) {
    return !this.hidden.has(number);
  }

  /** Turn a class off, or on again. */
  toggle(number) {
    if (!this.hidden.delete(number)) {
      this.hidden.add(number);
    }
  }
}

/** [{number, name, score, box}] of a prediction, the best first. Boxes are [ymin, xmin, ymax, xmax], fractions of the picture. */
export function detections(prediction) {
  const {boxes = [], scores = [], classes = [], num_detections: number = 0, class_names: names = []} = prediction;
  return boxes.slice(0, number).map((box, index) => {
    return {number: classes[index], name: className(names, classes[index]), score: scores[index], box};
  });
}

export const className = (names, number) => names[number] ?? `class ${number}`;

/** [{number, name, count, share}] of the classes of a picture, by their numbers; those that are turned off stay. */
export function classesIn(found, mask, names, choices) {
  const counts = new Map();
  for (const one of found.filter(one => choices.isFound(one))) {
    counts.set(one.number, (counts.get(one.number) || 0) + 1);
  }
  const shares = mask?.shares ?? new Map();
  const numbers = new Set([...counts.keys(), ...shares.keys(), ...[...choices.hidden].filter(number => found.some(one => one.number === number))]);
  return [...numbers].sort((a, b) => a - b).map(number => {
    return {number, name: className(names, number), count: counts.get(number) || 0, share: shares.get(number) || 0};
  });
}

/** '2 car, 1 person' of detections; '' where there are none. */
export function summary(shown) {
  const counts = new Map();
  for (const {name} of shown) {
    counts.set(name, (counts.get(name) || 0) + 1);
  }
  return [...counts].map(([name, number]) => `${number} ${name}`).join(', ');
}

/** 0.004 as '< 1 %', 0.123 as '12 %'. */
export function percent(fraction) {
  return fraction && fraction < .01 ? '< 1 %' : `${Math.round(100 * fraction)} %`;
}
