// Wheel, mouse and fingers on the stage: they point, move and zoom.

const WHEEL = .002; // of a zoom, for each pixel that the wheel scrolls
const PINCH = .01; // the same on a touchpad, which tells of a pinch as of a wheel with Ctrl
const DOUBLE = 3; // zoom of a double click

/** Let pointers move a Viewer's picture, and point at its boxes. */
export function listenToPointers(viewer) {
  const {stage, canvas} = viewer;
  const pointers = new Map(); // those that are down: their places
  const at = event => [event.clientX - stage.getBoundingClientRect().left, event.clientY - stage.getBoundingClientRect().top];
  const point = event => viewer.onPoint(event.target === canvas ? viewer.under(...at(event)) : null);
  stage.addEventListener('wheel', event => {
    const isPageScrolled = document.documentElement.scrollHeight > window.innerHeight + 1; // then the wheel is the page's
    if (viewer.bitmap && (event.ctrlKey || !isPageScrolled)) {
      event.preventDefault();
      viewer.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? PINCH : WHEEL)), ...at(event));
    }
  }, {passive: false});
  canvas.addEventListener('pointerdown', event => {
    if (event.button === 0) {
      pointers.set(event.pointerId, at(event));
      canvas.setPointerCapture(event.pointerId);
    }
  });
  stage.addEventListener('pointermove', event => {
    if (pointers.has(event.pointerId)) {
      drag(viewer, pointers, event.pointerId, at(event));
    } else if (event.pointerType === 'mouse') {
      point(event);
    }
  });
  for (const name of ['pointerup', 'pointercancel']) {
    stage.addEventListener(name, event => pointers.delete(event.pointerId));
  }
  canvas.addEventListener('click', point);
  stage.addEventListener('pointerleave', () => viewer.onPoint(null));
  canvas.addEventListener('dblclick', event => viewer.view.isFit ? viewer.zoom(DOUBLE, ...at(event)) : viewer.fit());
}

/** One pointer moves the picture, two zoom it. */
function drag(viewer, pointers, id, to) {
  const from = pointers.get(id);
  if (pointers.size === 2) {
    const [, other] = [...pointers].find(([key]) => key !== id);
    const distance = point => Math.hypot(point[0] - other[0], point[1] - other[1]);
    viewer.zoom(distance(to) / Math.max(distance(from), 1), (to[0] + other[0]) / 2, (to[1] + other[1]) / 2);
  } else if (!viewer.view.isFit) {
    viewer.move(to[0] - from[0], to[1] - from[1]);
  }
  pointers.set(id, to);
}
