"""What a person may start, and the settings that the page offers for it, with their defaults.

A recipe knows more settings than these, and checks them all; the command line reaches every one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from db.models import JobKind, JobStatus
from ptrapp.core.dialogue import REFINE_INSTRUCTION
from ptrapp.tasks.fitting import AUTO


class Input(Enum):
    """How a setting is entered."""

    NUMBER = "number"
    TEXT = "text"
    CHOICE = "choice"
    FLAG = "flag"
    LIST = "list"
    """Words with commas between them."""
    VERSIONS = "versions"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class FormSetting:
    """A setting of a recipe as the page offers it."""

    key: str
    label: str
    info: str
    default: Any
    """The recipe's default; None lets the recipe choose."""
    input: Input = Input.NUMBER
    choices: tuple[tuple[str, Any], ...] = ()
    """Label and value; the default is the first."""
    folded: bool = True
    """Whether it is among the advanced settings."""
    unit: str = ""
    """What its number counts, where its label does not say so."""

    @property
    def may_be_empty(self) -> bool:
        """Whether it is a number that the recipe chooses by itself where none is entered."""
        return self.input is Input.NUMBER and self.default is None


@dataclass(frozen=True, slots=True)
class Method:
    """One way to teach, practise or measure."""

    key: str
    kind: JobKind
    label: str
    about: str
    settings: tuple[FormSetting, ...]
    fixed: tuple[tuple[str, Any], ...] = ()
    """Settings that make this method out of the job's kind."""

    def changed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the settings that differ from the recipe's defaults, as a job takes them."""
        found = dict(self.fixed)
        for setting in self.settings:
            value = _as_sent(setting, values.get(setting.key, setting.default))
            if value != setting.default and value not in (None, "", []):
                found[setting.key] = value
        return found


def _as_sent(setting: FormSetting, value: Any) -> Any:
    if setting.input is Input.LIST and isinstance(value, str):
        return [part for part in (one.strip() for one in value.split(",")) if part]
    if isinstance(value, str):
        value = value.strip()
        if not setting.may_be_empty:
            return value
        try:
            value = float(value)
        except ValueError:
            return value  # the recipe says what is wrong with it
    if isinstance(value, float) and value.is_integer() and not isinstance(setting.default, float):
        return int(value)
    return value


def _choice(key: str, label: str, info: str, *choices: tuple[str, Any], **more: Any) -> FormSetting:
    return FormSetting(key, label, info, choices[0][1], Input.CHOICE, choices, **more)


def _text(key: str, label: str, info: str, default: str | None = None, **more: Any) -> FormSetting:
    return FormSetting(key, label, info, default, Input.TEXT, **more)


_EPOCHS = FormSetting("epochs", "Epochs", "passes over the examples", 3, folded=False)
_RATE = FormSetting(
    "learning_rate", "Learning rate", "peak; empty chooses by the model's size", None
)
_MOST = FormSetting(
    "max_examples", "Most examples", "the newest votes; empty takes all", None, unit="examples"
)
_NLL = FormSetting(
    "nll_weight",
    "NLL weight",
    "of the chosen's likelihood; 1 held the length of answers when measured",
    0.0,
)
_RESPONSE = FormSetting(
    "max_tokens", "Response length", "most tokens of a response", 256, unit="tokens"
)
_THOUGHT = FormSetting(
    "max_thought_tokens",
    "Thought length",
    "most tokens of the thought before it",
    256,
    unit="tokens",
)
_THINKING = _choice(
    "thinking", "Think first", "in which rounds",
    ("by the model's format", None), ("from round 2 on", "later"), ("in every round", "always"),
    ("never", "never"),
)  # fmt: skip
_INSTRUCTION = _text(
    "refine_instruction", "Instruction between rounds", "the user turn that asks again",
    REFINE_INSTRUCTION,
)  # fmt: skip
_SYSTEM = _text("system", "System message", "before each prompt that has none; empty is none")

_DPO = (
    FormSetting("beta", "Beta", "how strongly it stays near its parent", 0.1, folded=False),
    _EPOCHS,
    _choice(
        "form", "Loss", "how votes become a loss", ("sigmoid: DPO as published", "sigmoid"),
        ("robust: some votes are wrong", "robust"), ("ipo: a target margin", "ipo"),
        ("rao_kupper: learns from ties", "rao_kupper"), ("davidson: learns from ties", "davidson"),
    ),
    FormSetting("label_smoothing", "Label smoothing", "assumed share of wrong votes", 0.0),
    _NLL,
    _choice(
        "strength", "Much better", "how votes for “much better” count",
        ("like better", "off"), ("must win by more", "margin"), ("counts for more", "weight"),
    ),
    _RATE, _MOST,
    FormSetting("soft_labels", "Soft labels", "targets are raters' shares", False, Input.FLAG),
    FormSetting("length_normalised", "Length-normalised", "average per token", False, Input.FLAG),
)  # fmt: skip
_MASK_SFT = (
    _choice(
        "preset", "Preset", "the loss of the PTR code, or of the paper",
        ("official", "official"), ("paper", "paper"), folded=False,
    ),
    _EPOCHS, _RATE,
)  # fmt: skip
_REWARD = (
    FormSetting("epochs", "Epochs", "passes over the pairs", 4, folded=False),
    _choice(
        "form", "Loss", "the likelihood of votes", ("bradley_terry", "bradley_terry"),
        ("rao_kupper: learns from ties", "rao_kupper"), ("davidson: learns from ties", "davidson"),
    ),
    _RATE, _MOST,
)  # fmt: skip
_TPO = (
    FormSetting("k", "Samples", "of each prompt; best and worst form a pair", 8, folded=False),
    FormSetting("n_prompts", "Prompts", "new ones per iteration", 100, folded=False),
    FormSetting("iterations", "Iterations", "each from the one before", 1),
    _text("prompts", "Prompt source",
          "auto fits the model; or generated, instructions, stored, hf:NAME", AUTO),
    _choice(
        "thinking", "Think first", "without is the direct baseline",
        ("yes", True), ("no: direct answers", False),
    ),
    _choice(
        "malformed", "Malformed thoughts", "of a model that does not keep to the format",
        ("by the model's format", None), ("opened and ended for the model", "enforce"),
        ("taken as they come", "reject"),
    ),
    FormSetting("temperature", "Temperature", "of the samples", 0.8),
    _RESPONSE, _THOUGHT, _SYSTEM,
    FormSetting("n_selection", "Selection prompts", "held out, to choose the checkpoint by", 50),
    FormSetting("rho", "Length control", "ρ; empty keeps chosen as long as rejected", None),
    _NLL,
    FormSetting("epochs", "Epochs", "passes over the pairs", 3), _RATE,
)  # fmt: skip
_PTR_DATA = (
    FormSetting("n_queries", "Questions", "at most so many", 200, folded=False),
    FormSetting("rounds", "Rounds", "the last one is the better one", 3, folded=False),
    _text("queries", "Question source",
          "auto fits the model; or generated, instructions, hf:NAME", AUTO),
    _text("final", "Final answer from", "auto, solver, best_of_n, strong, human, version:NAME",
          "auto"),
    FormSetting("n_samples", "Samples", "of which the best is the final answer", 8),
    _THINKING, _INSTRUCTION, _SYSTEM, _RESPONSE, _THOUGHT,
    FormSetting("temperature", "Temperature", "of attempts and sampled finals", 0.95),
    FormSetting("progressive", "Progressive", "rounds in rising order of the judge's score", False,
            Input.FLAG),
)  # fmt: skip
_PREFERRED = (
    *(one for one in _PTR_DATA if one.key in ("n_queries", "rounds", "system")),
    _choice(
        "learn_preset", "Preset", "the loss of the PTR code, or of the paper",
        ("official", "official"), ("paper", "paper"),
    ),
    FormSetting("learn_epochs", "Epochs", "passes over the examples", 3),
    FormSetting("learn_rate", "Learning rate", "peak; empty chooses by the model's size", None),
)  # fmt: skip
_EVALUATE = (
    FormSetting("versions", "Versions", "empty is the one that answers; base is measured too", None,
            Input.VERSIONS, folded=False),
    FormSetting("rounds", "Rounds", "of each answer", 3, folded=False),
    FormSetting("n", "Problems", "of each task", 200, folded=False),
    FormSetting("tasks", "Tasks",
            "auto fits the model; or generated, held_out, instructions_held_out, hf:NAME …",
            [AUTO], Input.LIST),
    FormSetting("n_samples", "Samples", "of each problem; 0 is greedy", 0),
    FormSetting("temperature", "Temperature", "of the samples", 0.8),
    _THINKING, _INSTRUCTION, _SYSTEM, _RESPONSE, _THOUGHT,
    _choice("controls", "Controls", "what else could explain a gain; three times the work",
            ("measured too", True), ("left out", False)),
)  # fmt: skip
_JUDGE = (
    FormSetting(
        "campaign_id", "Campaign", "whose comparisons it labels", None, Input.CAMPAIGN, folded=False
    ),
    _text("judge", "Judge", "verifier, llm, or a reward model; empty is the app's"),
)

TEACH = (
    Method("dpo", JobKind.DPO, "DPO", "Preferred answers become a version.", _DPO),
    Method("preferred", JobKind.PTR_DATA, "Mask-SFT from votes",
           "Preferred answers become final rounds; a second job learns to get there.", _PREFERRED,
           (("final", "human"), ("learn", True))),
    Method("reward_model", JobKind.REWARD_MODEL, "Reward model",
           "Votes become a judge, which no version answers by.", _REWARD),
)  # fmt: skip
PRACTISE = (
    Method("tpo", JobKind.TPO, "TPO", "It writes, the judge compares, it learns.", _TPO),
    Method("ptr_data", JobKind.PTR_DATA, "PTR data",
           "It writes attempts, and a better final answer is found for each.", _PTR_DATA),
    Method("mask_sft", JobKind.MASK_SFT, "Mask-SFT",
           "Refinements become a version: the last round is learnt, others are read.", _MASK_SFT),
)  # fmt: skip
MEASURE = (
    Method("evaluate", JobKind.EVALUATE, "Evaluate",
           "How often a version is right, round by round.", _EVALUATE),
    Method("judge", JobKind.JUDGE, "Judge", "A judge labels a campaign beside its people.", _JUDGE),
)  # fmt: skip
METHODS = {one.key: one for one in (*TEACH, *PRACTISE, *MEASURE)}


def method_of(kind: JobKind | str, settings: Mapping[str, Any]) -> Method:
    """Returns the method by which a job of this kind with these settings is started again."""
    fitting = [one for one in METHODS.values() if one.kind == kind]
    exact = [one for one in fitting if one.fixed and dict(one.fixed).items() <= settings.items()]
    return (exact or [one for one in fitting if not one.fixed])[0]


def default(kind: JobKind, key: str) -> Any:
    """Returns the recipe's default of a setting that the page offers."""
    plain = method_of(kind, {})
    return next(one.default for one in plain.settings if one.key == key)


KINDS = {kind.value: method_of(kind, {}).label for kind in JobKind}
"""What each kind of job is called."""
STATES = tuple(status.value for status in JobStatus if status is not JobStatus.DISCARDED)
"""The states of listed jobs."""
