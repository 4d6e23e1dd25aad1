// @ts-check
// Loads a page once more where a part of it did not arrive, and says so where that did not help:
// Gradio shows nothing of a page before all of its sixty files are there, and goes on waiting for
// one that was lost. This stands in the page itself, before everything that can be lost.

(() => {
  const PATIENCE_S = 10; // without anything that arrives, while the page is seen and runs
  const SETTLED_S = 10; // a page that is there for so long has lost no file: it may be loaded again later
  const YOUNG_MS = 60_000; // an older page is never loaded again by itself: somebody is at work
  const KEPT = "thrice-loaded-again"; // the address that was, so that it is not done twice
  const FILES = "script[type=module], link[rel=stylesheet], link[rel=modulepreload]";
  const A_MODULE = /dynamically imported module|importing a module script/i; // as browsers say it

  let silent = 0; // seconds since something arrived
  let there = 0; // seconds since the page is there
  let written = false; // what somebody wrote is not thrown away
  let leaving = false;
  let missing = false; // whether a file is known not to have come
  /** @type {HTMLElement | null} */
  let banner = null;

  /** Notes that this address is loaded again. Returns false where that was noted before. */
  const noted = () => {
    try {
      const before = sessionStorage.getItem(KEPT);
      sessionStorage.setItem(KEPT, location.href);
      return before !== location.href;
    } catch {
      return false; // nothing can be kept here
    }
  };

  const forget = () => {
    try { sessionStorage.removeItem(KEPT); } catch { /* nothing was kept */ }
  };

  const isThere = () => {
    const main = document.querySelector("gradio-app .main");
    return main?.querySelector(":scope > .wrap") && !main.querySelector(":scope > .wrap.full");
  };

  const say = () => {
    if (banner) return;
    banner = document.createElement("div");
    banner.className = "not-whole";
    banner.setAttribute("role", "alert");
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Load again";
    again.onclick = () => location.reload();
    banner.append("A part of this page did not arrive. ", again);
    document.body.append(banner);
  };

  /** Loads the page again as soon as the app answers: a browser's own page for that would stay. */
  const reload = async () => {
    while (!await fetch("api/v1/health").catch(() => null)) {
      await new Promise((on) => setTimeout(on, 1000));
    }
    location.reload();
  };

  const lost = () => {
    if (leaving) return;
    leaving = !written && performance.now() < YOUNG_MS && noted();
    if (leaving) void reload();
    else say();
  };

  const fail = () => {
    missing = true;
    lost();
  };

  addEventListener("input", (event) => { written ||= event.isTrusted; }, true);
  addEventListener("error", ({ target }) => {
    if (target instanceof Element && target.matches(FILES)) fail();
  }, true);
  addEventListener("unhandledrejection", ({ reason }) => {
    if (A_MODULE.test(reason?.message ?? "")) fail();
  });

  const arrivals = new PerformanceObserver(() => { silent = 0; });
  arrivals.observe({ type: "resource" });
  const looking = setInterval(() => {
    if (isThere()) {
      arrivals.disconnect();
      if (!missing) banner?.remove(); // else the rest of the page is there, a file of ours is not
      if (missing || ++there === SETTLED_S) clearInterval(looking);
      if (there === SETTLED_S) forget();
    } else if (!document.hidden && ++silent === PATIENCE_S) {
      lost();
    }
  }, 1000);
})();
