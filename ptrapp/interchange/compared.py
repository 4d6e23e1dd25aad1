"""Parses rows of a prompt, two texts with like names, and a column that names the preferred one.

Columns were looked up for: LMArena's 55k (lists of turns, `winner_model_a`) and its conversations
(https://huggingface.co/datasets/lmarena-ai/arena-human-preference-55k), HelpSteer2 and 3
(https://huggingface.co/datasets/nvidia/HelpSteer2, …/HelpSteer3), PKU-SafeRLHF
(https://huggingface.co/datasets/PKU-Alignment/PKU-SafeRLHF), SHP
(https://huggingface.co/datasets/stanfordnlp/SHP), WebGPT
(https://huggingface.co/datasets/openai/webgpt_comparisons), AlpacaFarm
(https://huggingface.co/datasets/tatsu-lab/alpaca_farm).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole
from ptrapp.interchange import (
    answer_values,
    answers,
    one_hot,
    prompt_columns,
    sides,
    text_answers,
    who_judged,
)
from ptrapp.interchange.answer_values import AnswerColumns, AnswerKind
from ptrapp.interchange.cells import turns_in
from ptrapp.interchange.conversation import answer_of, is_messages, messages
from ptrapp.interchange.preferences import PARTED, Parted, as_list, shared, whole
from ptrapp.interchange.profile import Column, Profile, answer_text
from ptrapp.interchange.prompt_columns import PromptColumns
from ptrapp.interchange.records import Found, GivenLabel, JudgedPair, PromptText, ReadPlan
from ptrapp.interchange.sides import Sides
from ptrapp.interchange.text_answers import Fit
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import any_text, optional_text, user_name

ABOUT = frozenset(
    {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"}
)
"""Columns that Label Studio's JSON_MIN adds to those of the task."""
_TEXTS = ("chosen", "rejected")
"""Names that TRL gives to texts and nothing else."""
_PLACE = re.compile(r"[A-Fa-f]|\d{1,2}")
"""The letter or the number of one of several texts."""
_REASONS = ("rationale", "reason", "explanation", "comment", "preference_elaboration")
_UNANSWERED = "a conversation in which one side has no last answer"

Rows = Iterable[Mapping[str, Any]]


class ComparedLayout(NamedTuple):
    prompt: PromptColumns
    sides: Sides
    answer: AnswerColumns | None
    rater: str = ""
    rationale: str = ""
    turns: bool = False
    """Whether prompt and sides are lists of turns, as LMArena writes them."""
    note: str = ""
    """What a person should know of how the answer is read."""
    states: tuple[str, ...] = ()
    """Columns that say of some rows that their judgement does not count."""
    order: str = ""
    """Which of two judgements counts, where a column of times might say otherwise."""


def find_sides(profile: Profile, prompt: str = "", *, usual: bool = True) -> Sides | None:
    """Returns the two compared columns of a file, None where no two are named alike.

    Raises `BadRow` where more than two are. `usual` asks for a usual name, as `response_1`.
    """
    texts = {
        name: column
        for name, column in profile.columns.items()
        if name != prompt and name not in ABOUT and (column.n_texts or column.n_lists)
        and not name.lower().startswith(("model", "winner", "is_"))
    }  # fmt: skip
    worded = {
        name: column
        for name, column in texts.items()
        if not column.is_numeric and (sides.is_plain(name) or not one_hot.is_binary(column))
    }
    # Short answers may be numbers; where other texts are, such columns rather rate those.
    found = sides.two_alike(worded, usual=usual)
    if found is not None and not (sides.is_text(found.left) or profile.columns[found.left].n_long):
        # 42 in response_a is a text, whatever words author_a and answer_type_a hold.
        plain = {n: one for n, one in texts.items() if sides.is_plain(n)}
        found = sides.two_alike(_not_marks(plain), usual=True) or found
    return found or sides.two_alike(texts, usual=True)


def _not_marks(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Returns the columns without those of 0 and 1, which rate other texts."""
    return {
        name: one
        for name, one in columns.items()
        if not (one.is_numeric and one_hot.is_binary(one))
    }


def only_name(profile: Profile, two: Sequence[str]) -> bool:
    """Returns whether two columns hold no texts but name those of others: chosen is response_a."""
    others = {name: one for name, one in profile.columns.items() if name not in two}
    both = [profile.columns[name] for name in two]
    if not all(one.is_short for one in both):
        return False
    named = {n: one.values for n, one in others.items() if n.lower().startswith("model")}
    known = set[str]().union(*named.values())
    held = [set(others), known] if _some_alike(named) else [set(others)]
    if any(all(one.values <= names for one in both) for names in held):
        return True
    # what wins here and loses there, beside texts, is a model's name
    is_either = two[0] not in _TEXTS and bool(both[0].values & both[1].values)
    if is_either and _are_in_names(both[0].values | both[1].values, others):
        return True
    try:
        compared = find_sides(Profile(profile.n_rows, others))
    except BadRow:  # more than two texts: chosen and rejected may be two of them
        return all(_PLACE.fullmatch(value) for one in both for value in one.values)
    if compared is None:
        return False
    texts = others[compared.left].values | others[compared.right].values
    if is_either and not all(one.values <= texts for one in both):
        return True
    return all(answers.all_named(one.values - known, compared) for one in both)


def _some_alike(names: Mapping[str, Any]) -> bool:
    """Returns whether two or more names differ in their endings alone: model_a and model_b."""
    try:
        return sides.two_alike(names, usual=False) is not None
    except BadRow:
        return True


def _are_in_names(values: Iterable[str], columns: Iterable[str]) -> bool:
    """Returns whether each value stands in the name of a usual text: GPT-4 in gpt4_output."""
    names = [re.sub(r"[\W_]", "", name.lower()) for name in columns if sides.is_usual(name)]
    plain = [re.sub(r"[\W_]", "", value.lower()) for value in values]
    return all(len(one) > 2 and any(one in name for name in names) for one in plain)


def decide(profile: Profile, rows: Rows, given: str = "") -> ComparedLayout:
    """Decides the columns of a file. Raises `BadRow`."""
    compared = find_sides(profile, usual=False)
    if compared is None:
        asked = prompt_columns.decide(profile).prompt
        texts = {
            name: "text"
            for name, one in profile.columns.items()
            if one.n_texts and name not in ABOUT
        }
        compared = sides.two_sides(texts, asked)
    prompt = prompt_columns.decide(profile, compared)
    whole = profile.columns[compared.left].n_lists and not profile.columns[compared.left].n_turns
    if not prompt.prompt and not whole:
        sides.prompt_field(dict.fromkeys(profile.columns, ""))
    rater = who_judged.rater(profile, (*prompt.used, *compared, given), compared)
    rationale = next(
        (n for n in _REASONS if n in profile.filled and profile.columns[n].n_texts and n != given),
        "",
    )
    states = who_judged.states(profile, (*compared, given))
    taken = {*prompt.used, *compared, rater, rationale, *ABOUT, *states}
    rest = {name: one for name, one in profile.columns.items() if name not in taken}
    answer, note = _answer(rest, profile, rows, compared, given)
    sided = [profile.columns[name] for name in (prompt.prompt, *compared) if name]
    turns = all(one.n_turns and one.n_turns == one.n_filled for one in sided)
    by_turns = bool(turns and prompt.prompt)
    order = who_judged.order(profile, rater) if answer else ""
    return ComparedLayout(prompt, compared, answer, rater, rationale, by_turns, note, states, order)


def _answer(
    rest: Mapping[str, Column], profile: Profile, rows: Rows, compared: Sides, given: str
) -> tuple[AnswerColumns | None, str]:
    """Returns what holds the preference, and what a person should know of it. Raises `BadRow`."""
    told = [name for name in rest if answers.is_told(name) or name == given]
    told = text_answers.candidates(profile.columns, told, compared)
    fits = text_answers.fits(rows, told, compared)
    texts = [name for name, fit in fits.items() if fit.is_text]
    models = [
        one.values for name, one in profile.columns.items() if name.lower().startswith("model")
    ]
    known = set[str]().union(*models)
    for name in texts:
        if rest[name].is_short and rest[name].values <= known:
            raise BadRow(
                f"the cells of {name!r} are names of models, and the very words of texts; write "
                f"{compared.left} and {compared.right} into it"
            )
    if given in texts:
        return answers.repeating([given]), ""
    others = {name: one for name, one in rest.items() if name not in texts}
    answer = answers.decide(others, compared, given)
    if texts and (answer is None or answer.kind is AnswerKind.RATINGS):
        return answers.repeating(texts), ""
    if answer is not None and answer.kind is AnswerKind.WORDS:
        (name,) = answer.columns
        answers.refuse_doubtful(name, rest[name].values, compared, given)
        return answer, text_answers.check(name, fits.get(name, Fit()), compared)
    return answer, ""


def plan(profile: Profile, rows: Rows, given: str = "") -> ReadPlan:
    """Decides how a file is read. Raises `BadRow`."""
    return planned(decide(profile, rows, given))


def planned(layout: ComparedLayout) -> ReadPlan:
    """Says how a file with these columns is read."""
    answer = layout.answer
    used = (
        *layout.prompt.used, *layout.sides, *(answer.columns if answer else ()), layout.rater,
        layout.rationale, *layout.states,
    )  # fmt: skip
    said = answer.in_words if answer else "no column says which text is preferred: pairs to label"
    sentences = tuple(filter(None, (said, layout.note, layout.order)))
    return ReadPlan(
        lambda row: read(row, layout), tuple(filter(None, used)), sentences, tuple(ABOUT)
    )


def read(row: Mapping[str, Any], layout: ComparedLayout) -> Found:
    """Parses one pair with its label. Raises `BadRow`."""
    for name in layout.sides:
        if name not in row:
            raise BadRow(f"no {name!r}")
    for name in layout.states:
        if who_judged.is_out(name, said := answer_text(row.get(name))):
            return Found((), (f"a row whose {name} is {said}",))
    preference = answer_values.read(row, layout.answer, layout.sides) if layout.answer else None
    try:
        parts = _parts(row, layout)
    except Parted:
        return Found((), (PARTED,))
    if parts is None:
        return Found((), (_UNANSWERED,))
    prompt, *texts = parts
    left, right = (completion(one, name) for one, name in zip(texts, layout.sides, strict=True))
    if left.raw.strip() == right.raw.strip():
        raise BadRow(f"{layout.sides.left!r} and {layout.sides.right!r} are the same text")
    if preference is None:
        left_out = (
            ("a pair without an answer: it is stored to be labelled",) if layout.answer else ()
        )
        return Found((JudgedPair(prompt, left, right, ()),), left_out)
    user = user_name(row.get(layout.rater), layout.rater) if layout.rater else None
    reason = optional_text(row, layout.rationale) if layout.rationale else None
    return Found((JudgedPair(prompt, left, right, (GivenLabel(preference, user, reason),)),))


def _parts(row: Mapping[str, Any], layout: ComparedLayout) -> tuple[PromptText, str, str] | None:
    if layout.turns:
        return _of_turns(row, layout)
    mine, other = (as_list(row[name]) for name in layout.sides)
    if not is_messages(mine) and not is_messages(other):
        prompt = prompt_columns.read(row, layout.prompt)
        mine, other = (any_text(row[name], name) for name in layout.sides)
        return prompt, mine, other
    left, right = (messages(one, layout.sides[n]) for n, one in enumerate((mine, other)))
    if layout.prompt.prompt and len(left) == len(right) == 1:
        prompt = prompt_columns.read(row, layout.prompt)
        first, second = layout.sides
        return prompt, answer_of(left, first), answer_of(right, second)
    return whole(row, (left, right), layout.prompt, layout.sides.left)


def _of_turns(row: Mapping[str, Any], layout: ComparedLayout) -> tuple[PromptText, str, str] | None:
    """Reads a conversation in which each speaker's turns are a list of their own."""
    asked, mine, other = (_listed(row, name) for name in (layout.prompt.prompt, *layout.sides))
    if not len(asked) == len(mine) == len(other):
        raise BadRow(f"{layout.prompt.prompt!r} and its answers have not as many turns each")
    if None in asked:
        raise BadRow(f"{layout.prompt.prompt!r} has a turn without a text")
    if mine[-1] is None or other[-1] is None:
        return None
    return shared(_spoken(asked, mine), _spoken(asked, other))


def _listed(row: Mapping[str, Any], name: str) -> Sequence[str | None]:
    found = turns_in(row.get(name))
    if found is None:
        raise BadRow(f"{name!r} is no list of turns")
    return found


def _spoken(asked: Sequence[str | None], said: Sequence[str | None]) -> list[Message]:
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    both = zip(asked, said, strict=True)
    return [
        Message(role, turn or "") for turns in both for role, turn in zip(roles, turns, strict=True)
    ]
