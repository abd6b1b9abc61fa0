// Boxes and their names on a canvas, as the report draws them.

const FONT = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const FAINT = .3; // of all other boxes while one is pointed at; their names are left out

/**
 * Draw detections, the best on top.
 *
 * detections: [{number, name, score, box}], the best first. colors: [['#rrggbb', whether text on it is white], ...] by class.
 * place: box -> [left, top, right, bottom] on the canvas. size: {line, font} in pixels. chosen: the detection that is pointed at, or null.
 * area: [width, height] that names stay within. names: whether they are drawn.
 */
export function drawDetections(context, detections, {colors, place, size, area, chosen = null, names = true}) {
  const named = chosen ? [chosen] : detections;
  const spots = names || chosen ? nameSpots(context, named, {place, size, area}) : [];
  for (const one of [...detections].reverse().filter(one => one !== chosen)) {
    context.globalAlpha = chosen ? FAINT : 1;
    drawBox(context, place(one.box), colors[one.number], size.line);
  }
  context.globalAlpha = 1;
  if (chosen) {
    drawBox(context, place(chosen.box), colors[chosen.number], 1.6 * size.line);
  }
  for (let index = spots.length - 1; index >= 0; index--) {
    drawName(context, spots[index], colors[named[index].number], size);
  }
}

function drawBox(context, [left, top, right, bottom], [color, isDark], line) {
  context.lineJoin = 'round';
  for (const [style, width] of [[isDark ? 'rgb(255 255 255 / .85)' : 'rgb(0 0 0 / .65)', line + 2], [color, line]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.strokeRect(left, top, right - left, bottom - top);
  }
}

function drawName(context, {text, left, top, width, height}, [color, isDark], size) {
  context.font = `600 ${size.font}px ${FONT}`;
  context.textBaseline = 'middle';
  context.fillStyle = color;
  context.beginPath();
  context.roundRect(left, top, width, height, size.font / 4);
  context.fill();
  context.fillStyle = isDark ? 'white' : 'black';
  context.fillText(text, left + size.font * .4, top + height / 2 + size.font * .05);
}

/** Where each name goes: by its box, inside the area, and where it covers least of the names before it. */
function nameSpots(context, detections, {place, size, area: [wide, high]}) {
  context.font = `600 ${size.font}px ${FONT}`;
  const taken = [];
  for (const one of detections) {
    const text = `${one.name} ${one.score.toFixed(2)}`;
    const [width, height] = [context.measureText(text).width + size.font * .8, size.font * 1.45];
    const [left, top, right, bottom] = place(one.box);
    let best = null;
    for (const x of [left, right - width]) {
      for (const y of [top - height, top, bottom, bottom - height]) {
        const spot = {text, width, height, left: within(x, wide - width), top: within(y, high - height)};
        spot.covered = taken.reduce((sum, other) => sum + common(spot, other), 0);
        best = best && best.covered <= spot.covered ? best : spot;
      }
    }
    taken.push(best);
  }
  return taken;
}

const within = (value, most) => Math.max(0, Math.min(value, most));

function common(a, b) {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return Math.max(width, 0) * Math.max(height, 0);
}
