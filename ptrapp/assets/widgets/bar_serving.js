// The chip with the version that answers. It opens: roll back, serve another, the Versions page.

const servable = (one) => one.status === "ready" || one.status === "retired";

const chipOf = (frame) => el("button", { type: "button", class: "barchip serving", "data-part": "serving", "aria-haspopup": "dialog", "aria-expanded": "false",
  "aria-label": `${frame.serving} answers: serve another or roll back`, onclick: () => (menu.hidden ? openMenu(frame) : closeMenu()) },
  el("span", { class: "dot", "aria-hidden": "true" }), el("span", { class: "name" }, frame.serving), icon("down"));

const chip = () => bar.querySelector("[data-part=serving]");
const closeMenu = () => { menu.hidden = true; chip()?.setAttribute("aria-expanded", "false"); };

const openMenu = async (frame) => {
  const problem = el("p", { class: "bad", role: "alert" });
  const change = (path, body) => async () => {
    problem.textContent = "";
    try { await call("POST", path, body); closeMenu(); await look(); chip()?.focus(); } catch (error) { problem.textContent = error.message; }
  };
  const others = el("div", { class: "others" });
  menu.replaceChildren(
    el("p", {}, el("b", {}, frame.serving), " answers the next prompt."),
    frame.may_serve && frame.parent ? el("button", { type: "button", class: "btn s", "data-part": "rollback", onclick: change("/versions/rollback") }, `Roll back to ${frame.parent}`) : "",
    others, problem, el("a", { href: addressOf("Versions") }, "Is it better? Versions"));
  menu.hidden = false;
  chip()?.setAttribute("aria-expanded", "true");
  menu.querySelector("button, a").focus();
  if (!frame.may_serve) return;
  try {
    const all = await call("GET", "/versions");
    const some = all.filter((one) => servable(one) && one.name !== frame.serving && one.name !== frame.parent && one.gate !== "measuring" && one.gate !== "waits").slice(0, 6);
    others.replaceChildren(...some.map((one) => el("button", { type: "button", class: "btn quiet s", "data-part": `serve ${one.name}`, onclick: change(`/versions/${encodeURIComponent(one.name)}/serve`, {}) },
      `Serve ${one.name}`, one.title ? el("small", {}, one.title) : "")));
  } catch (error) { problem.textContent = error.message; }
};
