// Left and right by finger. Up and down stay the page's own, and so does what scrolls sideways.

const SWIPE_PX = 80;
const STEEP = 2; // a swipe goes sideways at least this much more than up or down

const sideways = (target, until) => {
  for (let node = target; node && node !== until; node = node.parentElement) {
    if (node.scrollWidth > node.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(node).overflowX)) return true;
  }
  return false;
};

const watchSwipes = (node, onSwipe) => {
  let start = null;
  const show = (dx) => {
    node.style.setProperty("--drag", `${dx}px`);
    node.classList.toggle("towards-left", dx <= -SWIPE_PX);
    node.classList.toggle("towards-right", dx >= SWIPE_PX);
  };
  const end = () => { start = null; show(0); };
  node.addEventListener("pointerdown", (event) => {
    const second = start !== null; // two fingers zoom
    start = null;
    if (second || event.pointerType !== "touch" || sideways(event.target, node)) return end();
    start = { x: event.clientX, y: event.clientY, id: event.pointerId };
  });
  node.addEventListener("pointermove", (event) => {
    if (event.pointerId === start?.id) show(event.clientX - start.x);
  });
  node.addEventListener("pointerup", (event) => {
    if (event.pointerId !== start?.id) return;
    const dx = event.clientX - start.x;
    const dy = event.clientY - start.y;
    end();
    if (Math.abs(dx) >= SWIPE_PX && Math.abs(dx) > STEEP * Math.abs(dy)) onSwipe(dx < 0 ? "left" : "right");
  });
  node.addEventListener("pointercancel", end);
};
