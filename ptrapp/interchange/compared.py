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
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole
from ptrapp.interchange import answer_values, answers, prompt_columns, sides, text_answers
from ptrapp.interchange.answer_values import AnswerColumns, AnswerKind
from ptrapp.interchange.cells import turns_in
from ptrapp.interchange.conversation import answer_of, is_messages, messages
from ptrapp.interchange.preferences import PARTED, Parted, as_list, shared, whole
from ptrapp.interchange.profile import Column, Profile
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
_RATERS = re.compile(
    r"(?:annotator|rater|labell?er|worker|crowdworker|judge|judge_user|user|evaluator|reviewer"
    r"|assessor|participant|respondent)(?:_?id)?|username|user_name|e-?mail(?:_address)?"
)
"""What a column is called that says who judged, in small letters and with _ for blanks."""
_SURE = ("annotator", "rater", "judge_user_id", "user_id", "worker_id", "annotator_id")
"""Names under which nothing but a person stands."""
_MODEL = re.compile(
    r"gpt|claude|gemini|gemma|llama|mi[sx]tral|qwen|deepseek|command-r|palm|vicuna|llm|reward|grok"
    r"|prometheus|pairrm|^auto$|^o\d|^phi\b|^yi\b"
)
"""What a judge is called that is a model: its votes are nobody's, and no person's."""
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
    worded = {name: column for name, column in texts.items() if not column.is_numeric}
    # Short answers may be numbers; where other texts are, such columns rather rate those.
    return sides.two_alike(worded, usual=usual) or sides.two_alike(texts, usual=True)


def only_name(profile: Profile, two: Sequence[str]) -> bool:
    """Returns whether two columns hold no texts but name those of others: chosen is response_a."""
    others = {name: one for name, one in profile.columns.items() if name not in two}
    both = [profile.columns[name] for name in two]
    if not all(one.is_short for one in both):
        return False
    if all(one.values <= set(others) for one in both):
        return True
    try:
        compared = find_sides(Profile(profile.n_rows, others))
    except BadRow:  # more than two texts: chosen and rejected may be two of them
        return False
    models = [one.values for name, one in others.items() if name.lower().startswith("model")]
    known = set[str]().union(*models)
    return compared is not None and all(
        answers.all_named(one.values - known, compared) for one in both
    )


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
    rater = _rater(profile, (*prompt.used, *compared, given), compared)
    rationale = next(
        (n for n in _REASONS if n in profile.filled and profile.columns[n].n_texts and n != given),
        "",
    )
    taken = {*prompt.used, *compared, rater, rationale, *ABOUT}
    rest = {name: one for name, one in profile.columns.items() if name not in taken}
    answer, note = _answer(rest, profile, rows, compared, given)
    sided = [profile.columns[name] for name in (prompt.prompt, *compared) if name]
    turns = all(one.n_turns and one.n_turns == one.n_filled for one in sided)
    by_turns = bool(turns and prompt.prompt)
    return ComparedLayout(prompt, compared, answer, rater, rationale, by_turns, note)


def _rater(profile: Profile, taken: Collection[str], compared: Sides) -> str:
    """Returns the column that names who judged; not one that says which text is better."""
    called = {name: re.sub(r"\s+", "_", name.strip().lower()) for name in profile.filled}
    found = [
        name
        for name, plain in called.items()
        if name not in taken
        and not profile.columns[name].n_long
        and _RATERS.fullmatch(plain)
        and (plain in _SURE or not _is_no_person(plain, profile.columns[name], compared))
    ]
    # a user beside a judge is who asked
    return min(found, key=lambda name: called[name].startswith(("user", "e")), default="")


def _is_no_person(called: str, column: Column, compared: Sides) -> bool:
    """Returns whether a column called judge or reviewer holds verdicts, scores, or models."""
    if called.endswith("id") and column.is_numeric:
        return False
    some_model = any(_MODEL.search(one.lower()) for one in column.values)
    return some_model or column.is_numeric or answers.all_named(column.values, compared)


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
        layout.rationale,
    )  # fmt: skip
    said = answer.in_words if answer else "no column says which text is preferred: pairs to label"
    sentences = tuple(filter(None, (said, layout.note)))
    return ReadPlan(
        lambda row: read(row, layout), tuple(filter(None, used)), sentences, tuple(ABOUT)
    )


def read(row: Mapping[str, Any], layout: ComparedLayout) -> Found:
    """Parses one pair with its label. Raises `BadRow`."""
    for name in layout.sides:
        if name not in row:
            raise BadRow(f"no {name!r}")
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
