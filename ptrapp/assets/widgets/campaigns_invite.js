// A link that lets somebody in under a role.

const ROLES = [["annotator", "annotator: labels, sees nothing else"], ["viewer", "viewer: reads, changes nothing"], ["admin", "admin: everything"], ["judge", "judge: a program that labels by its token"]];

const inviteForm = () => {
  const status = statusLine();
  const role = choice(ROLES);
  const name = el("input", { type: "text", maxlength: 64, autocomplete: "off", placeholder: "chosen by the person" });
  const again = el("input", { type: "checkbox" });
  const link = el("input", { type: "text", readonly: true, "aria-label": "The link", onfocus: (event) => event.currentTarget.select() });
  const copy = button("Copy", "invite-copy", act(status, async () => { await navigator.clipboard.writeText(link.value); return "Copied."; }));
  const made = el("div", { class: "acts", hidden: true }, link, copy);
  const form = el("form", { onsubmit: (event) => { event.preventDefault(); make.click(); } },
    el("div", { class: "fields" }, field("Role", "what the person may do", role), field("Name", "leave blank to share one link among several people", name),
      el("label", { class: "check" }, again, " another browser of a person who already labels here")));
  const make = button("Create link", "invite", act(status, async () => {
    const given = await call("POST", "/invitations", { role: role.value, ...(name.value.trim() ? { name: name.value.trim(), again: again.checked } : {}) });
    const program = role.value === "judge";
    link.value = program ? `Authorization: Bearer ${given.token}` : new URL(given.link, location.href).href;
    link.setAttribute("aria-label", program ? "The header a program sends" : "The link");
    made.hidden = false;
    return program ? "A program sends this header with every request." : `Whoever opens this link is ${role.value === "annotator" ? "an annotator" : `a ${role.value}`.replace("a admin", "an admin")}. It is shown only once.`;
  }), { class: "act main" });
  return el("section", { class: "invite" }, el("h3", {}, "Invite"), form, el("div", { class: "acts" }, make), status.node, made);
};
