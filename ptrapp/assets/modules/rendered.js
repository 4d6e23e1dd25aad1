// @ts-check
// Formatted text. The only place where markup enters a page: the server makes and sanitises it, and lets nothing through
// but formatting.

import { html } from "./html.js";

/**
 * Formatted text, or what stands in its place.
 * @param {{ name: string, markup: string, tab?: number, children?: any }} props
 */
export const Rendered = ({ name, markup, tab, children }) => html`
  <div class=${`${name} rendered`} dir="auto" tabindex=${tab}
    dangerouslySetInnerHTML=${children ? undefined : { __html: markup }}>${children}</div>`;
