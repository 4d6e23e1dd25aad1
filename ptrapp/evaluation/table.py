"""Builds the table of an evaluation: a row for each version, setting, task and round."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from ptrapp.analysis.intervals import wilson, wilson_of_clusters
from ptrapp.analysis.rounds import Accuracy, accuracy_given_before, changes
from ptrapp.analysis.thoughts import ended_itself_share
from ptrapp.evaluation.answers import Answer, CellResult
from ptrapp.evaluation.plan import Cell, Setting

Cells = Mapping[Cell, CellResult]


@dataclass(frozen=True, slots=True)
class TableRow:
    """One round of one version on one task, over all seeds."""

    version: str
    round: int
    """From 1."""
    setting: str
    """`refine`, or the control."""
    task: str
    n: int
    """Answers: problems times samples times seeds."""
    n_correct: int
    rate: float
    low: float
    """Wilson's interval of the rate, 95 %; answers to the same problem count as one cluster."""
    high: float
    mean_thought_tokens: float
    mean_response_tokens: float
    fixed: int | None
    """Wrong in the round before and right in this one; null in the first round."""
    broken: int | None
    unchanged: int | None
    """Right in both rounds, or wrong in both."""
    same_response: int | None
    """Responses equal to those of the round before: a model that repeats itself does not refine."""
    well_formed: float
    """Share of the answers with well-formed thought and response."""
    n_failed: int
    """Answers for which the context had no room; they count as wrong."""
    n_redrawn: int
    """Draws beyond the first, for answers that were malformed."""
    rate_mean: float
    """Mean of the rate over the seeds."""
    rate_std: float | None
    """Standard deviation over the seeds; null for a single one."""
    n_seeds: int
    kept_rate: float
    """Share of all constraints that were kept (IFEval: instruction level, strict); the rate of a
    task that asks for an answer."""
    loose_rate: float | None
    """Share of the answers that keep everything by IFEval's loose reading; null for other tasks."""
    kept_loose_rate: float | None
    """Share of all constraints kept by that reading."""
    ended_itself_share: float | None = None
    """Share of the thoughts that the model ended itself; null without thoughts."""


@dataclass(frozen=True, slots=True)
class GivenRow:
    """Accuracy of a later round given a right, or a wrong, answer in the round before."""

    version: str
    round: int
    """The later round, from 1."""
    setting: str
    task: str
    given: str
    """`right` or `wrong`."""
    n: int
    n_correct: int
    accuracy: float | None
    """Null for n = 0."""
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Pool:
    """The same round of all seeds together."""

    prompts: list[str]
    answers: list[Answer]
    before: list[Answer] | None
    by_seed: list[Accuracy]


def table(cells: Cells) -> list[TableRow]:
    """Returns all rows in the order of the plan: versions, their settings, their rounds."""
    return [
        _row(cell, index, _pool(cells, cell, index))
        for cell in _kinds(cells)
        for index in range(cells[cell].first_round, cells[cell].n_rounds)
    ]


def given(cells: Cells) -> list[GivenRow]:
    """Returns accuracies given the round before, for rounds shown their own attempts."""
    rows = []
    for cell in _kinds(cells):
        if cell.setting not in (Setting.REFINE, Setting.THOUGHT_REMOVED):
            continue
        for index in range(1, cells[cell].n_rounds):
            pool = _pool(cells, cell, index)
            assert pool.before is not None, "a later round has one before it"
            found = accuracy_given_before(_right(pool.before), _right(pool.answers))
            for name, part in zip(("right", "wrong"), found, strict=True):
                rows.append(
                    GivenRow(
                        cell.version,
                        index + 1,
                        cell.setting.value,
                        cell.task,
                        name,
                        part.n,
                        part.n_correct,
                        part.rate,
                        *wilson(part.n_correct, part.n),
                    )
                )
    return rows


def _kinds(cells: Cells) -> Iterator[Cell]:
    """Yields one cell for each task, version and setting, whatever its seed."""
    seen = set()
    for cell in cells:
        kind = (cell.task, cell.version, cell.setting)
        if kind not in seen:
            seen.add(kind)
            yield cell


def _pool(cells: Cells, kind: Cell, index: int) -> _Pool:
    same = [
        one
        for cell, one in cells.items()
        if (cell.task, cell.version, cell.setting) == (kind.task, kind.version, kind.setting)
    ]
    by_seed = [one.at(index) for one in same]
    earlier = [_before(cells, one, index) for one in same]
    return _Pool(
        [one.prompt_of(chain) for one in same for chain in range(len(one.chains))],
        [answer for answers in by_seed for answer in answers],
        [answer for before in earlier if before is not None for answer in before]
        if earlier[0] is not None
        else None,
        [Accuracy(sum(_right(answers)), len(answers)) for answers in by_seed],
    )


def _before(cells: Cells, one: CellResult, index: int) -> list[Answer] | None:
    """Returns the round before, from the refinement where a control starts from it.

    For `swapped` it is always the problem's own attempt, though another problem's was shown.
    """
    if index == 0:
        return None
    if one.cell.setting is Setting.SWAPPED or index == one.first_round:
        cell = one.cell
        return cells[Cell(cell.version, cell.task, cell.seed, Setting.REFINE)].at(index - 1)
    return one.at(index - 1)


def _row(cell: Cell, index: int, pool: _Pool) -> TableRow:
    answers, right = pool.answers, _right(pool.answers)
    n, n_correct = len(answers), sum(right)
    interval = wilson_of_clusters(_by_prompt(pool.prompts, right))
    rates = [one.n_correct / one.n for one in pool.by_seed]
    changed, same = None, None
    if pool.before is not None:
        changed = changes(_right(pool.before), right)
        pairs = zip(pool.before, answers, strict=True)
        same = sum(was.response == now.response for was, now in pairs)
    return TableRow(
        version=cell.version,
        round=index + 1,
        setting=cell.setting.value,
        task=cell.task,
        n=n,
        n_correct=n_correct,
        rate=n_correct / n,
        low=interval.low,
        high=interval.high,
        mean_thought_tokens=fmean(answer.n_thought_tokens for answer in answers),
        mean_response_tokens=fmean(answer.n_response_tokens for answer in answers),
        fixed=changed.fixed if changed else None,
        broken=changed.broken if changed else None,
        unchanged=changed.unchanged if changed else None,
        same_response=same,
        well_formed=fmean(answer.well_formed for answer in answers),
        n_failed=sum(answer.failed for answer in answers),
        n_redrawn=sum(max(0, answer.n_drawn - 1) for answer in answers),
        rate_mean=fmean(rates),
        rate_std=stdev(rates) if len(rates) > 1 else None,
        n_seeds=len(rates),
        kept_rate=sum(answer.n_kept for answer in answers) / sum(one.n_asked for one in answers),
        loose_rate=_loose_rate(answers),
        kept_loose_rate=_kept_loose_rate(answers),
        ended_itself_share=ended_itself_share(answer.thought_end for answer in answers),
    )


def _loose_rate(answers: Sequence[Answer]) -> float | None:
    if any(one.n_kept_loose is None for one in answers):
        return None
    return fmean(one.n_kept_loose == one.n_asked for one in answers)


def _kept_loose_rate(answers: Sequence[Answer]) -> float | None:
    kept = [one.n_kept_loose for one in answers if one.n_kept_loose is not None]
    if len(kept) < len(answers):
        return None
    return sum(kept) / sum(one.n_asked for one in answers)


def _right(answers: Sequence[Answer]) -> list[bool]:
    return [answer.correct for answer in answers]


def _by_prompt(prompts: Sequence[str], right: Sequence[bool]) -> list[tuple[int, int]]:
    """Returns (right answers, answers) of each problem."""
    counts: dict[str, tuple[int, int]] = {}
    for prompt, one in zip(prompts, right, strict=True):
        k, n = counts.get(prompt, (0, 0))
        counts[prompt] = (k + one, n + 1)
    return list(counts.values())
