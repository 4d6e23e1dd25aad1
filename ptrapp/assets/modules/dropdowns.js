// @ts-check
// A dropdown of Gradio's opens its list at any key: also at Tab, by which one leaves it, and the list
// then stays open over what stands below it. Tab is kept from it.

export const closeByTab = () => window.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (key === "Tab" && target instanceof Element && target.matches("input[role=combobox]")) event.stopImmediatePropagation();
}, true);
