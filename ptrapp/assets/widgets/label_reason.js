// The reason for an answer: one line beside the buttons. What was typed stays until it is stored.

const LONGEST_REASON = 2000;

const openReason = ({ box, store, onClose }) => {
  let about = null; // {key, words}: the answer the open line is about
  const draft = () => { // typed, and neither stored nor emptied: the next line opened is its
    const typed = saved.read("reason");
    return typed?.text?.trim() ? typed : null;
  };

  const close = () => {
    if (!about) return;
    about = null;
    box.replaceChildren();
    onClose();
  };

  const open = (answer, text = "", problem = null) => {
    about = answer;
    const line = el("input", { type: "text", id: "label-reason", maxlength: LONGEST_REASON, autocomplete: "off", placeholder: "Enter saves it, Esc closes and keeps the draft" });
    line.value = text;
    const remember = () => saved.write("reason", { key: answer.key, words: answer.words, text: line.value });
    const onKey = (event) => {
      if (event.isComposing) return; // Enter chooses a word there
      if (event.key === "Escape") { event.preventDefault(); close(); }
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (line.value.trim()) store(answer, line.value.trim());
      saved.drop("reason");
      close();
    };
    line.addEventListener("input", remember);
    line.addEventListener("keydown", onKey);
    box.replaceChildren(el("div", { class: "label-reason" }, el("label", { for: "label-reason" }, `Reason for “${answer.words}”`), line,
      problem ? el("p", { class: "label-problem", role: "alert" }, problem) : null));
    return line;
  };

  return {
    open: (answer) => {
      const typed = draft() ?? answer;
      open({ key: typed.key, words: typed.words }, typed.text).focus();
    },
    // The server would not have it: the words are back in the line, to be mended.
    giveBack: (answer, text, problem) => {
      saved.write("reason", { ...answer, text });
      open(answer, text, problem);
    },
    restore: () => { const typed = draft(); if (typed) open({ key: typed.key, words: typed.words }, typed.text); },
    close,
  };
};
