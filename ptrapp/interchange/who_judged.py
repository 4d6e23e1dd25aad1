"""Finds the column that says who judged, and those that say that a judgement does not count."""

import re
from collections.abc import Collection

from ptrapp.interchange import answers, one_hot
from ptrapp.interchange.profile import Column, Profile
from ptrapp.interchange.sides import Sides

_RATERS = re.compile(
    r"(?:annotator|rater|labell?er|worker|crowdworker|judge|judge_user|user|evaluator|reviewer"
    r"|assessor|participant|respondent)(?:_?(?:id|name|e-?mail))?|username|e-?mail(?:_address)?"
    r"|(?:annotat|label|labell|rat|judg|review|evaluat|complet)ed_by|prolific_p?id"
)
"""What a column is called that says who judged, in small letters and with _ for blanks; Toloka puts
ASSIGNMENT: before it."""
_SURE = ("annotator", "rater", "judge_user_id", "user_id", "worker_id", "annotator_id")
"""Names under which nothing but a person stands."""
_MODEL = re.compile(
    r"gpt|claude|gemini|gemma|llama|mi[sx]tral|qwen|deepseek|command-r|palm|vicuna|llm|reward|grok"
    r"|prometheus|pairrm|^auto$|^o\d|^phi\b|^yi\b"
)
"""What a judge is called that is a model: its votes are nobody's, and no person's."""
_TIMES = ("created_at", "submitted_at", "updated_at", "timestamp", "date", "time")
_STATE = re.compile(
    r"(?:assignment|annotation|judge?ment|label|rating|response|answer|review|submission|record|hit)?"
    r"[\s_:.-]*(?:status|state)",
    re.IGNORECASE,
)
"""Not the state of what a prompt is about: an order_status, a flight_status, an emotional_state."""
_FLAG = re.compile(r"(?:is_|was_)?(?:skipped|discarded)|was_cancell?ed", re.IGNORECASE)
_NOT_COUNTED = {"rejected", "discarded", "draft", "skipped", "cancelled", "canceled", "expired"}
"""States of a judgement that was taken back, or not given, as MTurk and Toloka write them."""


def rater(profile: Profile, taken: Collection[str], compared: Sides) -> str:
    """Returns the column that names who judged; not one that says which text is better."""
    called = {
        name: re.sub(r"\s+", "_", name.strip().lower().removeprefix("assignment:"))
        for name in profile.filled
    }
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
    if called.endswith(("id", "name", "mail", "_by")) and column.is_numeric:
        return False
    some_model = any(_MODEL.search(one.lower()) for one in column.values)
    return some_model or column.is_numeric or answers.all_named(column.values, compared)


def states(profile: Profile, taken: Collection[str]) -> tuple[str, ...]:
    """Returns the columns that say of some rows that their judgement does not count."""
    return tuple(
        name
        for name, one in profile.columns.items()
        if name not in taken and one.is_short and any(is_out(name, value) for value in one.values)
    )


def is_out(name: str, value: str | None) -> bool:
    """Returns whether a cell says that the judgement of its row does not count."""
    said = (value or "").lower()
    if _FLAG.fullmatch(name):
        return said in one_hot.YES
    return said in _NOT_COUNTED and _STATE.fullmatch(name) is not None


def order(profile: Profile, rater: str) -> str:
    """Says which of a person's two judgements counts, where the file has times as well."""
    at = next((name for name in _TIMES if name in profile.filled), "")
    if not (rater and at):
        return ""
    return f"of two rows of one {rater} on one pair the later row counts; {at} is not read"
