// What all widgets need: elements without innerHTML, calls to our routes, numbers in words.
// Addresses are relative: the page's <base> is the app's own path, wherever a proxy put it.
// Model text only ever enters the page through textContent.

const el = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};

const svg = (tag, attributes, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

const call = async (method, path, body) => {
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch("api/v1" + path, options);
  } catch {
    throw new Error("The server does not answer. It may be restarting; try again in a moment.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Error(answer.error || `The server answered ${response.status}.`);
};

const seconds = (s) => (s < 10 ? s.toFixed(1) : Math.round(s).toString()) + " s";
const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const typing = (target) =>
  target instanceof Element &&
  target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]");
