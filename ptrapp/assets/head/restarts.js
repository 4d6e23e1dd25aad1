// @ts-check
// Has a page go on over a restart of the app. Gradio (6.31) takes one request that does not arrive
// for the end of a page: it does nothing any more, and loads the page again without what was typed.
// Here what is only read waits until the app answers, what was pressed ends in words, and a page
// that the running app did not make says so. This stands in the page itself, before Gradio.

(() => {
  const AGAIN_MS = 1000;
  const YOUNG_MS = 60_000; // a younger page is not loaded again by itself: it would be without end
  const OTHER_PAGES = 409; // the app is another one than that which made this page
  const SILENT =
    "The app does not answer; it may be starting again. Look whether this was done before you repeat it.";
  const ENDED = "The app ended before this was answered. Look whether it was done before you repeat it.";
  const WAITS = "The app does not answer. This page goes on when it does, with all that is typed.";
  const OUTDATED = "The app was updated since this page was loaded, which does nothing any more. What is typed stays until you ";

  const reach = window.fetch.bind(window);
  /** @type {HTMLElement | null} */
  let banner = null;
  let touched = false; // what somebody did here is not thrown away
  let outdated = false;
  for (const what of ["input", "keydown", "pointerdown"]) {
    addEventListener(what, (event) => { touched ||= event.isTrusted; }, true);
  }

  /** @param {string} text @param {Node[]} more */
  const say = (text, ...more) => {
    if (outdated || banner?.textContent === text) return;
    banner?.remove();
    banner = null;
    if (!text) return;
    banner = document.createElement("div");
    banner.className = "not-whole";
    banner.setAttribute("role", "status");
    banner.append(text, ...more);
    document.body.append(banner);
  };

  const replace = () => {
    if (outdated) return;
    if (!touched && performance.now() > YOUNG_MS) location.reload();
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "load it again";
    again.onclick = () => location.reload();
    say(OUTDATED, again, ".");
    outdated = true;
  };

  /** Whether it is the app that answered, not a proxy before it. @param {Response} answer */
  const isOurs = (answer) => answer.status < 500 || /json/.test(answer.headers.get("content-type") ?? "");

  /** Sends what tells the app which pages this one is of. @param {RequestInfo | URL} input @param {RequestInit} [init] */
  const send = async (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("Thrice-Pages", String(/** @type {any} */ (window).gradio_config?.app_id ?? ""));
    const answer = await reach(input, { ...init, headers });
    if (answer.status === OTHER_PAGES) replace();
    return isOurs(answer) ? answer : Promise.reject(new TypeError(`${answer.status}`));
  };

  /** What is read, as soon as the app answers. @param {RequestInfo | URL} input @param {RequestInit} [init] */
  const read = async (input, init) => {
    for (let failed = 0; ; failed += 1) {
      const answer = await send(input, init).catch(() => null);
      if (outdated) return new Promise(() => {}); // never, and in silence: the page says it once
      say(answer || !failed ? "" : WAITS);
      if (answer) return answer;
      await new Promise((on) => setTimeout(on, AGAIN_MS));
    }
  };

  /** What is pressed: it is done, or it ends in words. @param {RequestInfo | URL} input @param {RequestInit} [init] */
  const press = (input, init) =>
    send(input, init).catch(() => Response.json({ detail: SILENT }, { status: 500 }));

  const unfinished = { error: ENDED, title: "Error", visible: true, duration: 10 };
  // without the id of an event it is the end of all that wait
  const last = [{ msg: "process_completed", success: false, output: unfinished }, { msg: "close_stream" }]
    .map((one) => `\n\ndata: ${JSON.stringify(one)}\n\n`).join("");

  /** How events go on, until it is told of each how it ended. @param {RequestInfo | URL} input @param {RequestInit} [init] */
  const follow = async (input, init) => {
    const answer = await reach(input, init).catch(() => null);
    const told = answer?.ok ? answer.body?.getReader() : undefined;
    const body = new ReadableStream({
      async pull(to) {
        const part = (await told?.read().catch(() => null))?.value;
        if (part && !new TextDecoder().decode(part).includes('"msg":"unexpected_error"')) {
          to.enqueue(part);
        } else {
          to.enqueue(new TextEncoder().encode(last));
          to.close();
        }
      },
      cancel: (why) => told?.cancel(why),
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  };

  const OF_GRADIO = /\/gradio_api\/(run\/|queue\/join|queue\/data)/;
  const WAYS = { "run/": read, "queue/join": press, "queue/data": follow };

  window.fetch = (input, init) => {
    const [, kind] = OF_GRADIO.exec(input instanceof Request ? input.url : `${input}`) ?? [];
    return (kind ? WAYS[/** @type {keyof typeof WAYS} */ (kind)] : reach)(input, init);
  };
})();
