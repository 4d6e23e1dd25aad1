"""A file sent to the app, a file fetched from it: through everything that stands around the routes."""

import json
from hashlib import sha256
from typing import Any

import pytest

from ptrapp.api.guard import LARGER, MAX_BODY_BYTES
from ptrapp.interchange.limits import NETWORK

ROWS = [
    {"prompt": f"Why {n}?", "chosen": "<think>hm</think>Because.", "rejected": "No idea."}
    for n in range(3)
]


def lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def send(who: Any, content: bytes, **query: Any) -> Any:
    return who.ask("POST", "/import", content=content, params={"file": "pairs.jsonl"} | query)


def test_a_file_goes_in_and_comes_out_again(ada: Any) -> None:
    answer = send(ada, lines(ROWS), name="in and out")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["n_new"], answer.json()["format"]) == (3, "preferences")
    assert send(ada, lines(ROWS), name="in and out").json()["n_known"] == 3

    out = ada.get("/export", params={"what": "preferences", "raters": "dataset"})
    assert out.status_code == 200
    rows = [json.loads(line) for line in out.content.splitlines()]
    assert {row["prompt"][0]["content"] for row in rows} >= {row["prompt"] for row in ROWS}

    ask = {"what": "preferences", "raters": "dataset", "up_to": out.headers["X-Up-To"]}
    same = ada.get("/export", params=ask | {"expect": sha256(out.content).hexdigest()})
    assert same.content == out.content
    assert same.headers["X-Content-SHA256"] == sha256(out.content).hexdigest()
    refused = ada.get("/export", params=ask | {"expect": "0" * 64})
    assert (refused.status_code, "another one" in refused.json()["error"]) == (400, True)


def test_the_page_shows_sources_votes_and_snapshots(ada: Any) -> None:
    send(ada, lines([row | {"prompt": f"Shown: {row['prompt']}"} for row in ROWS]), name="shown")
    hashed = sha256(ada.get("/export", params={"what": "votes"}).content).hexdigest()
    data = ada.get("/data").json()
    (source,) = [row for row in data["sources"] if row["source"] == "import:shown"]
    assert [source[name] for name in ("n_prompts", "n_rounds", "n_comparisons", "n_votes")] == [
        3,
        6,
        3,
        3,
    ]
    assert data["n_votes"]["dataset"] >= 3
    assert hashed in {one["sha256"] for one in data["snapshots"]}
    assert data["most_mib"] == NETWORK.n_bytes // 2**20


@pytest.mark.parametrize(
    ("content", "query", "words"),
    [
        (b"", {}, "holds no file"),
        (lines([{"foo": 1}]), {}, "pairs.jsonl is in no format that is known: its columns are foo"),
        (lines([*ROWS, {"prompt": "a"}]), {}, "line 4: no 'chosen'"),
        (b"\x1f\x8b broken", {}, "cannot be unpacked"),
        (b"PAR1 broken PAR1", {"file": "../../x.parquet"}, "x.parquet cannot be read as Parquet"),
        (lines(ROWS), {"format": "secret"}, "format: Input should be"),
        (lines(ROWS), {"name": "x" * 51}, "name: String should have at most"),
        (lines(ROWS), {"skipbad": "true"}, "skipbad: there is no such field here"),
        (b"{}", {}, "pairs.jsonl holds no objects with named columns"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_sentence(
    ada: Any, content: bytes, query: dict[str, str], words: str
) -> None:
    before = ada.get("/data").json()["sources"]
    answer = send(ada, content, **query)
    assert answer.status_code in (400, 422)
    assert words in answer.json()["error"]
    assert "/tmp" not in answer.json()["error"]
    assert ada.get("/data").json()["sources"] == before


def test_bad_rows_are_left_out_when_that_is_asked_for(ada: Any) -> None:
    rows = [{"prompt": "Skip?", "chosen": "a", "rejected": "a"}, ROWS[0] | {"prompt": "Keep?"}]
    answer = send(ada, lines(rows), skip_bad="true").json()
    assert (answer["n_new"], answer["n_skipped"]) == (1, 1)
    assert answer["mistakes"] == ["line 1: 'chosen' and 'rejected' are the same text"]


def test_a_dry_run_counts_every_row_also_those_that_cannot_be_read(ada: Any) -> None:
    same = {"prompt": "Same?", "chosen": "a", "rejected": "a"}
    content = lines([ROWS[0], same]) + b"no json\n"
    seen = send(ada, content, dry_run="true").json()
    assert (seen["n_rows"], seen["n_records"], seen["n_bad"]) == (3, 1, 2)


def test_a_dry_run_says_what_was_understood_and_stores_nothing(ada: Any) -> None:
    before = ada.get("/data").json()["sources"]
    rows = [
        {"prompt": f"Dry {n}?", "response_a": "x", "response_b": "y", "winner": "b", "note": n}
        for n in range(5)
    ]
    seen = send(ada, lines(rows), dry_run="true").json()
    assert (seen["format"], seen["n_rows"], seen["outcomes"]) == ("comparisons", 5, {"right": 5})
    assert (seen["unused"], len(seen["samples"])) == (["note"], 3)
    assert seen["samples"][0]["outcome"] == "right"
    assert ada.get("/data").json()["sources"] == before
    ambiguous = [row | {"better": "A"} for row in rows]
    refused = send(ada, lines(ambiguous), dry_run="true")
    assert (refused.status_code, refused.json()["columns"]) == (400, ["winner", "better"])
    chosen = send(ada, lines(ambiguous), dry_run="true", answer_column="better").json()
    assert chosen["outcomes"] == {"left": 5}


def test_a_file_may_be_larger_than_other_requests_and_no_larger_than_the_limit(ada: Any) -> None:
    assert LARGER["/api/v1/import"] == NETWORK.n_bytes
    row = lines([ROWS[0] | {"prompt": "Long?", "note": "x" * 1000}])
    assert send(ada, row * (MAX_BODY_BYTES // len(row) + 10)).status_code == 200
    assert send(ada, b"x" * (NETWORK.n_bytes + 1)).status_code == 413


@pytest.mark.parametrize(("kind", "start"), [("parquet", b"PAR1"), ("csv", b"thrice_vote,")])
def test_votes_are_fetched_as_other_kinds_of_file(ada: Any, kind: str, start: bytes) -> None:
    out = ada.get("/export", params={"what": "votes", "kind": kind})
    assert out.content.startswith(start)
    assert f".{kind}" in out.headers["Content-Disposition"]


def test_an_export_that_was_asked_for_by_a_wrong_name_is_not_another_one(ada: Any) -> None:
    for wrong in ({"as": "csv"}, {"campain": "july"}, {"what": "votes", "upto": "3"}):
        answer = ada.get("/export", params=wrong)
        assert answer.status_code == 422
        assert f"{list(wrong)[-1]}: there is no such field here" in answer.json()["error"]


def test_an_annotator_neither_imports_nor_exports(ada: Any, visitor: Any) -> None:
    token = ada.post("/tokens", {"role": "annotator", "name": "eve"}).json()["token"]
    eve = visitor()
    eve.client.headers["Authorization"] = f"Bearer {token}"
    assert send(eve, lines(ROWS)).status_code == 403
    for path in ("/export", "/data"):
        assert eve.get(path).status_code == 403


def test_an_import_is_listed_and_undone(ada: Any) -> None:
    rows = [row | {"prompt": f"Undone: {row['prompt']}"} for row in ROWS]
    import_id = send(ada, lines(rows), name="to undo").json()["import_id"]
    listed = {one["id"]: one for one in ada.get("/imports").json()}
    assert (listed[import_id]["name"], listed[import_id]["state"]) == ("to undo", "done")
    told = ada.post(f"/imports/{import_id}/undo", {"dry_run": True}).json()
    assert "n_prompts" in told, told
    assert (told["n_prompts"], told["n_votes"]) == (3, 3)
    assert ada.get(f"/imports/{import_id}").json()["state"] == "done"
    undone = ada.post(f"/imports/{import_id}/undo", {})
    assert "are hidden from offers" in undone.json()["said"]
    sources = [one["source"] for one in ada.get("/data").json()["sources"]]
    assert "import:to undo" not in sources
    assert ada.post(f"/imports/{import_id}/undo", {}).status_code == 409
    assert ada.post(f"/imports/{import_id}/cancel", {}).status_code == 409
    assert ada.get("/imports/999999").status_code == 404
    assert send(ada, lines(rows), name="to undo").json()["n_new"] == 3
