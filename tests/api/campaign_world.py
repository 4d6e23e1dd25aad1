"""Campaigns for the routes' tests: rows with unmistakable markers in all that must stay on the server."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

from db.content import prompts, rounds, scores
from db.content.rounds import NewRound
from db.labelling import comparisons, raters, votes
from db.models import Outcome, RaterKind, RunMode, RunState
from db.registry import adapters
from db.storage.session import Session
from ptrapp.services.context import AppContext

Make = Callable[[], Any]

HIDDEN = (
    "zqthought",
    "zqraw",
    "zqversion",
    "zqsampling",
    "zqwriter",
    "zqreference",
    "zqsource",
    "zqtask",
    "zqjudge",
    "zqrationale",
    "zqsomebody",
    "zqreason",
    "zqnote",
    "zqgold",
    "0.7316",
    "731646",
)
"""What stands in thoughts, versions, scores, rationales, other people's names, votes and words."""
SHOWN = "zqresponse"
LESSON = "zqlesson"
"""In the explanations of practice comparisons, sent once they are answered."""


class Campaign(NamedTuple):
    """A campaign over stored rounds."""

    id: int
    pairs: list[tuple[int, int]]
    """Round ids, left first; plain, gold and practice in the order they were asked for."""


def join(visitor: Make, admin: Any, role: str, name: str = "") -> Any:
    """A browser that followed an invitation."""
    guest = visitor()
    follow(guest, invited(admin, role, name))
    return guest


def follow(guest: Any, token: str, **form: str) -> Any:
    """Presses the button of the page that an invitation leads to."""
    sent = guest.client.post("/join", data={"token": token} | form, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    return sent


def invited(admin: Any, role: str, name: str = "", **more: Any) -> str:
    """The text of an invitation's link."""
    made = admin.post("/invitations", {"role": role, "name": name} | more)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


def program(admin: Any, role: str, name: str) -> str:
    """The text of a token."""
    made = admin.post("/tokens", {"role": role, "name": name})
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


def stored_pair(context: AppContext, response: str = SHOWN) -> tuple[int, int]:
    """Two candidates of a prompt nobody asked before, with a marker in every column.

    The first one is the shorter.
    """
    unique = uuid4().hex
    with context.database.write() as session:
        prompt = prompts.ensure_prompt(
            session,
            f"What is {unique}?",
            source="zqsource",
            reference_answer="zqreference",
            task="zqtask",
        )
        run = rounds.start_run(
            session,
            prompt.id,
            RunMode.SAMPLE,
            {"seed": 731646},
            adapter_id=version(session, "zqversion"),
        )
        sides = [
            rounds.add_round(
                session,
                run.id,
                _completion(candidate, f"{response} {candidate} {unique}{'!' * candidate}"),
            ).id
            for candidate in (0, 1)
        ]
        rounds.finish_run(session, run.id, RunState.DONE)
        _votes_of_others(session, sides)
        return sides[0], sides[1]


def version(session: Session, name: str) -> int:
    """The row of the version of this name, made now if there is none."""
    found = adapters.by_name(session, name) or adapters.register(
        session, name=name, parent_id=None, job_id=None, snapshot_id=None,
        base_model="scripted", path=name, sha256="0" * 64, metrics={},
    )  # fmt: skip
    return found.id


def make_campaign(
    admin: Any,
    context: AppContext,
    n: int = 3,
    *,
    gold: int = 0,
    practice: int = 0,
    response: str = SHOWN,
    **settings: Any,
) -> Campaign:
    """A campaign of `n` plain comparisons, then gold and practice ones, open."""
    pairs = [stored_pair(context, response) for _ in range(n + gold + practice)]
    new = {"name": f"Work {uuid4().hex}", "source": {"kind": "none"}, **settings}
    made = admin.post("/campaigns", new | ({"n_practice": practice} if practice else {}))
    assert made.status_code == 201, made.text
    campaign = int(made.json()["campaign_id"])
    known = [{}] * n + [{"gold": "left", "explanation": "zqgold"}] * gold
    known += [{"gold": "left", "explanation": f"**{LESSON}**", "practice": True}] * practice
    items = [
        {"left": left, "right": right, **more}
        for (left, right), more in zip(pairs, known, strict=True)
    ]
    if items:
        added = admin.post(f"/campaigns/{campaign}/items", {"items": items})
        assert added.json()["n_new"] == len(items), added.text
    return Campaign(campaign, pairs)


def next_pairs(rater: Any, campaign: Campaign, n: int = 1, **more: Any) -> list[dict[str, Any]]:
    given = rater.post(f"/campaigns/{campaign.id}/next", {"n": n, **more})
    assert given.status_code == 200, given.text
    pairs: list[dict[str, Any]] = given.json()["pairs"]
    return pairs


def vote(rater: Any, key: str, outcome: str = "left", **more: Any) -> dict[str, Any]:
    stored = rater.post(f"/labels/{key}/vote", {"outcome": outcome, **more})
    assert stored.status_code == 200, stored.text
    answer: dict[str, Any] = stored.json()
    return answer


def sentence(response: Any, status: int) -> str:
    """What an error says."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    answer = response.json()
    assert list(answer) == ["error"], answer
    assert "Traceback" not in answer["error"]
    return str(answer["error"])


def _votes_of_others(session: Session, sides: list[int]) -> None:
    judge = raters.ensure_rater(session, RaterKind.JUDGE, "zqjudge")
    scores.record(session, judge.id, {sides[0]: 0.7316, sides[1]: -0.7316})
    comparison = comparisons.ensure_comparison(session, *sides)
    votes.judge_vote(
        session, judge.id, comparison.id, Outcome.LEFT, "zqrationale", uuid4().hex, agreed=True
    )
    somebody = raters.ensure_rater(session, RaterKind.HUMAN, "zqsomebody")
    shown = comparisons.offer(session, somebody.id, comparison.id, flipped=False)
    votes.cast_vote(session, shown.key, Outcome.RIGHT, rationale="zqreason")


def _completion(candidate: int, response: str) -> NewRound:
    return NewRound(
        index=0, parent_id=None, candidate=candidate, author="zqwriter" if candidate else "policy", thinking=True,
        thought=f"zqthought {candidate}", response=response, raw=f"zqraw {candidate}", well_formed=True,
        sampling={"zqsampling": 1}, seed=731646, n_thought_tokens=731646, n_response_tokens=731646,
        finish_reason="stop", logprob_sum=-0.7316, thought_s=0.7316, duration_s=0.7316,
        correct=candidate == 0,
    )  # fmt: skip
