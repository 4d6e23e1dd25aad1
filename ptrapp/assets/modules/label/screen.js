// @ts-check
// The desk as it is drawn: one thin line, the pair, the bar.

import { html, icon } from "../html.js";
import { roughly } from "../words.js";
import { Bar } from "./bar.js";
import { PairView } from "./pair.js";
import { Panel } from "./panels.js";
import { campaignLink, Name } from "./start.js";
import { Banner, Empty } from "./told.js";

/** How many are done, of how many, and how long the rest takes. */
const Where = (/** @type {OfDesk} */ { desk }) => {
  const { done, pace } = desk;
  const total = Math.max(done, desk.total);
  const left_s = pace.forecast_s(total - done);
  return html`
    <progress class="label-meter" max=${Math.max(1, total)} value=${done} aria-label="Done in this campaign" />
    <h1>${desk.campaign.name}</h1>
    <p class="label-where">${total > 0 && `${done.toLocaleString("en")} of ${total.toLocaleString("en")}`}<span class="label-wide">${left_s > 0 && ` · about ${roughly(left_s)}`}</span></p>`;
};

/** @param {{ desk: Desk, action: string, sign: Parameters<typeof icon>[0], words: string }} props */
const Tool = ({ desk, action, sign, words }) => html`
  <button type="button" class="btn quiet s" aria-label=${words} data-part=${action} onClick=${() => desk.act(action)}>
    ${icon(sign)}<span class="label-wide">${words}</span><kbd class="kbd" aria-hidden="true">${desk.keys.sign(action)}</kbd>
  </button>`;

export const Screen = (/** @type {OfDesk} */ { desk }) => html`
  <header class="label-top">
    <${Where} desk=${desk} />
    <div class="label-tools">
      <${Name} me=${desk.me} draw=${() => desk.draw()} />
      <a class="btn quiet s" href=${campaignLink("")}>Home</a>
      <${Tool} desk=${desk} action="guidelines" sign="book" words="Guidelines" />
      <${Tool} desk=${desk} action="help" sign="keys" words="Keys" />
    </div>
  </header>
  <div class="label-main">
    <div class="label-work">
      <${Banner} desk=${desk} />
      <${Empty} desk=${desk} />
      ${desk.shown && html`
        <${PairView} pair=${desk.shown} outcome=${desk.lit?.outcome ?? null} diff=${desk.showDiff} watch=${desk.watchPair} />`}
    </div>
    <${Panel} desk=${desk} />
  </div>
  <${Bar} desk=${desk} />
  <p class="label-live" aria-live="polite">${desk.heard}</p>`;
