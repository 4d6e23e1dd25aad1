// @ts-check
// Two things about Gradio's fields, for who has no mouse.

/**
 * A dropdown opens its list at any key: also at Tab, by which one leaves it, and the list then stays
 * open over what stands below it. Tab is kept from it.
 */
const closeByTab = () => window.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (key === "Tab" && target instanceof Element && target.matches("input[role=combobox]")) event.stopImmediatePropagation();
}, true);

/** A text that is not to be changed is else a field that is off, which nobody reaches, scrolls or selects. */
const onlyRead = () => document.addEventListener("focusin", ({ target }) => {
  const isField = target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
  if (isField && target.closest(".only-read")) target.readOnly = true;
});

export const mendFields = () => {
  closeByTab();
  onlyRead();
};
