// @ts-check
// Left and right by finger. Up and down stay the page's own, and so does what scrolls sideways.

const SWIPE_PX = 80;
const STEEP = 2; // a swipe goes sideways at least this much more than up or down

/** @param {EventTarget | null} target @param {Element} until */
const scrollsSideways = (target, until) => {
  for (let node = /** @type {Element | null} */ (target); node && node !== until; node = node.parentElement) {
    if (node.scrollWidth > node.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(node).overflowX)) return true;
  }
  return false;
};

/** @param {HTMLElement} node @param {(side: "left" | "right") => void} onSwipe */
export const watchSwipes = (node, onSwipe) => {
  /** @type {PointerEvent | null} */
  let start = null;
  const show = (/** @type {number} */ dx) => {
    node.style.setProperty("--drag", `${dx}px`);
    node.classList.toggle("towards-left", dx <= -SWIPE_PX);
    node.classList.toggle("towards-right", dx >= SWIPE_PX);
  };
  const end = () => { start = null; show(0); };
  node.addEventListener("pointerdown", (event) => {
    const second = start !== null; // two fingers zoom
    end();
    if (!second && event.pointerType === "touch" && !scrollsSideways(event.target, node)) start = event;
  });
  node.addEventListener("pointermove", (event) => {
    if (event.pointerId === start?.pointerId) show(event.clientX - start.clientX);
  });
  node.addEventListener("pointerup", (event) => {
    if (event.pointerId !== start?.pointerId) return;
    const [dx, dy] = [event.clientX - start.clientX, event.clientY - start.clientY];
    end();
    if (Math.abs(dx) >= SWIPE_PX && Math.abs(dx) > STEEP * Math.abs(dy)) onSwipe(dx < 0 ? "left" : "right");
  });
  node.addEventListener("pointercancel", end);
};
