// The job in the bar: what runs, how far it is, how long it takes; and one that has just ended.

const KINDS = {
  dpo: "DPO", mask_sft: "Mask-SFT", ptr_data: "Refinement data", tpo: "TPO", reward_model: "Reward model", evaluate: "Evaluation", judge: "Judging",
};
const TOAST_MS = 6000;

const left = (s) => (s < 90 ? `${Math.ceil(s)} s left` : s < 5400 ? `${Math.round(s / 60)} min left` : `${(s / 3600).toFixed(1)} h left`);

const jobOf = (job) => {
  const kind = KINDS[job.kind] ?? job.kind;
  const share = job.share === null ? null : `${Math.round(100 * job.share)} %`;
  const state = job.status === "queued" ? "waits" : share ?? "begins";
  const more = job.n_waiting ? ` · ${job.n_waiting} more` : "";
  return el("a", { class: "barchip job", href: `${addressOf("Train")}?job=${job.id}`, title: `Job ${job.id}: ${kind}` },
    el("span", { class: "ring", style: `--p: ${100 * (job.share ?? 0)}`, "aria-hidden": "true" }),
    el("span", { class: "roomy" }, kind), state, el("span", { class: "roomy" }, (job.eta_s === null ? "" : `· ${left(job.eta_s)}`) + more));
};

// A job that ends tells: a toast, a mark in the window's title until it is looked at, and the
// browser's own notice where the person has allowed them.
const tellEnd = (job) => {
  const words = `${KINDS[job.kind] ?? job.kind} (job ${job.id}) ${{ done: "is done", failed: "has failed", cancelled: "was cancelled" }[job.status] ?? job.status}.`;
  const toast = el("div", { class: "bar-toast", role: "status" }, words, " ", el("a", { href: `${addressOf("Train")}?job=${job.id}` }, "Look"));
  toasts.replaceChildren(toast);
  let gone = setTimeout(() => toast.remove(), TOAST_MS);
  toast.addEventListener("mouseenter", () => clearTimeout(gone));
  toast.addEventListener("mouseleave", () => { gone = setTimeout(() => toast.remove(), TOAST_MS); });
  if (document.hidden) {
    const title = document.title;
    document.title = `● ${title}`;
    document.addEventListener("visibilitychange", () => { document.title = title; }, { once: true });
    if (window.Notification?.permission === "granted") new Notification("Thrice", { body: words });
  }
};
