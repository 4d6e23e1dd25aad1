"""The remote engine on the real vLLM: the contract, a trained adapter, a killed server.

vLLM lives in an environment of its own, so these tests run where its interpreter is found.
"""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from engine_contract import EngineContract, ask
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from db.content import prompts, rounds
from db.labelling import comparisons, raters, votes
from db.models import Adapter, JobKind, Outcome, RaterKind, RunMode
from db.registry import jobs
from db.storage.session import Database, open_database
from ptrapp.core.dialogue import build_messages, prompt_ids
from ptrapp.core.errors import AdapterRejected, EngineUnavailable
from ptrapp.core.settings import BUNDLED_MODEL, Settings
from ptrapp.core.thoughts import TINY
from ptrapp.core.types import Completion, Policy, Sampling, Turn
from ptrapp.engines.base import Failed, Request, complete
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.engines.remote.engine import RemoteEngine
from ptrapp.engines.remote.server import Timeouts
from ptrapp.services import versions
from ptrapp.services.context import AppContext
from ptrapp.services.storing import as_row
from training.jobs.claim import Claim
from training.jobs.payload import Filters, Payload
from training.jobs.ranks import Ranks
from training.recipes import dpo

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / os.environ.get("THRICE_TEST_VLLM_PYTHON", ".venv-vllm/bin/python")
START_S = 300

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON.is_file(), reason=f"no vLLM interpreter at {PYTHON}: make vllm"),
]

QUESTIONS = [
    "Tom has 12 pens. He buys 7 more. How many pens does he have?",
    "Mia has 9 cards. She gives 4 to Ben. How many cards does she have?",
    "A box holds 6 eggs. How many eggs are in 3 boxes?",
    "What is 12 + 30?",
]


class Vllm:
    """The server of the module; it can be killed and started again on its port."""

    def __init__(self, log: Path):
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._log = log
        self.start()

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }
        # Slots for more versions than are ever loaded: vllm#48421, on a CPU only.
        flags = (
            f"--model {BUNDLED_MODEL} --served-model-name base --host 127.0.0.1 --port {self.port} "
            "--dtype float32 --enforce-eager --enable-lora --max-loras 32 --max-cpu-loras 32 "
            "--scheduling-policy priority --max-lora-rank 16 --no-enable-chunked-prefill --max-num-batched-tokens 8192"
        )
        command = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", *flags.split()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )
        ends = time.monotonic() + START_S
        while time.monotonic() < ends and self._process.poll() is None:
            try:
                httpx.get(f"{self.url}/models").raise_for_status()
                return
            except httpx.TransportError:
                time.sleep(0.5)
        pytest.fail(f"vLLM did not start:\n{self._log.read_text('utf-8')[-3000:]}")

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def names(self) -> set[str]:
        return {row["id"] for row in httpx.get(f"{self.url}/models").json()["data"]}

    def metric(self, name: str) -> float:
        """A gauge or counter. It may come late: a server that streams answers this page last."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=30).text
        rows = [row for row in text.splitlines() if row.startswith(f"vllm:{name}{{")]
        assert rows, name
        return sum(float(row.split()[-1]) for row in rows)


@pytest.fixture(scope="module")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vllm]:
    server = Vllm(tmp_path_factory.mktemp("vllm") / "server.log")
    yield server
    server.kill()


@pytest.fixture
def engine(vllm: Vllm) -> Iterator[RemoteEngine]:
    opened = RemoteEngine(vllm.url, timeouts=Timeouts(backoff_s=0.05))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEngine]:
    torch.set_num_threads(1)
    opened = LocalEngine(str(BUNDLED_MODEL), device="cpu", threads=1)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Random LoRA of rank 16 on every linear layer, another one for each number."""
    folder = tmp_path_factory.mktemp("adapters")

    def make(number: int, rank: int = 16, strength: float = 1.0) -> Path:
        path = folder / f"{number}-{rank}-{strength:g}"
        if not path.exists():
            torch.manual_seed(number)
            base = AutoModelForCausalLM.from_pretrained(BUNDLED_MODEL)
            config = LoraConfig(
                r=rank, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"
            )
            model = get_peft_model(base, config)
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.data.normal_(std=strength)
            model.save_pretrained(path)
        return path

    return make


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path_factory.mktemp('data') / 'thrice.db'}")
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def trained(vllm: Vllm, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    """A version as the product makes it: vLLM's candidates, votes on them, one DPO job."""
    engine = RemoteEngine(vllm.url)
    for text in QUESTIONS:
        _prefer_the_longer(database, engine, text)
    engine.close()
    settings = {"epochs": 6, "batch_size": 4, "learning_rate": 2e-3}
    with database.write() as session:
        jobs.enqueue(session, JobKind.DPO, {}, dedup="vllm")
        claimed = jobs.claim(session, 600)
    assert claimed is not None
    assert claimed.claim_token is not None
    chosen = Settings(data_dir=tmp_path_factory.mktemp("trained"), device="cpu")
    payload = Payload(None, settings, Filters())
    claim = Claim(database, chosen, claimed.id, claimed.claim_token, JobKind.DPO, payload)
    dpo.run(claim, Ranks.join(cpu=True))
    with database.read() as session:
        return session.query(Adapter).where(Adapter.job_id == claimed.id).one()


def _prefer_the_longer(database: Database, engine: RemoteEngine, text: str) -> None:
    requests = [ask(text, seed=seed, temperature=1.5, max_tokens=80) for seed in range(2)]
    left, right = answers(engine, requests)
    assert left.token_ids
    with database.write() as session:
        prompt = prompts.ensure_prompt(session, text, source="test")
        run = rounds.start_run(session, prompt.id, RunMode.SAMPLE, {})
        ids = [
            rounds.add_round(
                session,
                run.id,
                as_row(one, index=0, candidate=n, thinking=True, sampling=Sampling(), seed=n, reference_answer=None),
            ).id
            for n, one in enumerate((left, right))
        ]  # fmt: skip
        who = raters.ensure_rater(session, RaterKind.HUMAN, "Ada")
        comparison = comparisons.ensure_comparison(session, ids[0], ids[1])
        offer = comparisons.offer(session, who.id, comparison.id, flipped=False)
        longer = len(left.token_ids) > len(right.token_ids)
        votes.cast_vote(session, offer.key, Outcome.LEFT if longer else Outcome.RIGHT)


def answers(engine: RemoteEngine | LocalEngine, requests: list[Request]) -> list[Completion]:
    outcomes = complete(engine, requests)
    assert all(isinstance(outcome, Completion) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Completion)]


def greedy(policy: Policy | None = None, **options: Any) -> list[Request]:
    chosen = policy or Policy()
    return [
        ask(text, temperature=0.0, max_tokens=80, policy=chosen, **options) for text in QUESTIONS
    ]


@pytest.fixture
def ramble(engine: RemoteEngine, adapter: Callable[..., Path]) -> Callable[[int], Request]:
    """Requests that are still being written when the next line runs: greedy, this version repeats
    itself for ever."""
    engine.publish("rambling", adapter(7, strength=10.0))

    def request(seed: int) -> Request:
        policy = Policy("rambling")
        return ask(QUESTIONS[0], policy=policy, seed=seed, temperature=0.0, max_tokens=900)

    return request


class TestRemoteEngineOnVllm(EngineContract):
    def test_closing_fails_what_is_pending(
        self, engine: RemoteEngine, ramble: Callable[[int], Request]
    ) -> None:
        events = engine.stream([ramble(1), ramble(2)])
        next(events)
        engine.close()
        ends = [event for event in events if isinstance(event, Failed)]
        assert [type(end.error) for end in ends] == [EngineUnavailable] * 2


def test_vllm_does_all_that_is_asked_for(engine: RemoteEngine) -> None:
    seen = {name: getattr(engine.capabilities, name) for name in engine.capabilities.__slots__}
    assert seen.pop("reasons") is False
    assert all(seen.values()), seen
    assert engine.model_id == str(BUNDLED_MODEL)
    assert engine.thought_format is TINY


@pytest.mark.parametrize("thinking", [True, False])
def test_the_prompt_ids_are_those_training_makes(engine: RemoteEngine, thinking: bool) -> None:
    """Nothing of a prompt is logged by the server: it is asked for the ids it was given."""
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED_MODEL)
    turn = Turn("12 + 7 = 18.", "The answer is 18.", "<T> 12 + 7 = 18.<R> The answer is 18.")
    messages = build_messages(QUESTIONS[0], [turn], TINY, thinking)
    body = {"model": "base", "max_tokens": 1, "return_token_ids": True}
    answer = engine._server.chat(body | engine._prompts.body(messages, thinking))
    expected = prompt_ids(tokenizer, messages, thinking)
    assert answer.prompt_token_ids == expected  # type: ignore[attr-defined]
    assert engine.count_prompt_tokens(messages, thinking) == len(expected)


def test_greedy_answers_equal_the_embedded_engines(
    engine: RemoteEngine, local: LocalEngine
) -> None:
    requests = greedy() + greedy(thinking=False)
    for theirs, ours in zip(answers(engine, requests), answers(local, requests), strict=True):
        assert theirs.token_ids == ours.token_ids
        assert theirs.raw == ours.raw
        assert theirs.split == ours.split
        assert theirs.n_thought_tokens == ours.n_thought_tokens
        assert theirs.finish_reason == ours.finish_reason
        assert theirs.logprob_sum == pytest.approx(ours.logprob_sum, abs=1e-3)


def test_a_trained_version_answers_as_in_the_embedded_engine(
    engine: RemoteEngine, local: LocalEngine, database: Database, trained: Adapter, tmp_path: Path
) -> None:
    """Published by the use case that does it in the app, and rolled back by it."""
    context = AppContext(Settings(data_dir=tmp_path), database, engine)
    versions.serve(context, trained.name)
    assert versions.serving(context) == trained.name
    local.publish(trained.name, Path(trained.path))
    requests = greedy(Policy(trained.name))
    theirs, ours = answers(engine, requests), answers(local, requests)
    base = answers(engine, greedy())
    assert [one.token_ids for one in theirs] == [one.token_ids for one in ours]
    assert [one.token_ids for one in theirs] != [one.token_ids for one in base]
    for one, other in zip(theirs, ours, strict=True):
        assert one.logprob_sum == pytest.approx(other.logprob_sum, abs=1e-3)
    versions.serve(context, "base")
    assert engine.published() == frozenset()


def test_versions_and_base_are_not_mixed_up_in_one_batch(
    engine: RemoteEngine, local: LocalEngine, adapter: Callable[[int], Path]
) -> None:
    for name, number in (("mixed-1", 1), ("mixed-2", 2)):
        engine.publish(name, adapter(number))
        local.publish(name, adapter(number))
    requests = [*greedy(Policy("mixed-1")), *greedy(), *greedy(Policy("mixed-2"))]
    theirs, ours = answers(engine, requests), answers(local, requests)
    assert [one.token_ids for one in theirs] == [one.token_ids for one in ours]
    assert len({one.token_ids for one in theirs}) > len(QUESTIONS)


def test_a_seed_gives_the_same_text_and_another_seed_another(engine: RemoteEngine) -> None:
    requests = [ask(QUESTIONS[0], seed=seed, temperature=1.0, max_tokens=60) for seed in range(6)]
    once, again = answers(engine, requests), answers(engine, requests)
    assert [one.token_ids for one in once] == [one.token_ids for one in again]
    assert len({one.token_ids for one in once}) > 3


def test_closing_the_generator_ends_the_work_on_the_server(
    engine: RemoteEngine, vllm: Vllm, ramble: Callable[[int], Request]
) -> None:
    before = vllm.metric("generation_tokens_total")
    events = engine.stream([ramble(seed) for seed in range(8)])
    for _ in range(20):
        next(events)
    events.close()
    time.sleep(0.5)
    assert vllm.metric("num_requests_running") == 0
    written = vllm.metric("generation_tokens_total") - before
    assert 0 < written < 8 * 900 / 2


def test_a_retired_version_is_gone_from_the_server(
    engine: RemoteEngine, vllm: Vllm, adapter: Callable[[int], Path]
) -> None:
    engine.publish("gone", adapter(3))
    assert any(name.startswith("gone-") for name in vllm.names())
    engine.retire("gone")
    assert not any(name.startswith("gone-") for name in vllm.names())


def test_a_rank_above_the_servers_and_dora_are_rejected_and_the_server_serves_on(
    engine: RemoteEngine, adapter: Callable[[int], Path], tmp_path: Path
) -> None:
    with pytest.raises(AdapterRejected, match="rank"):
        engine.publish("wide", adapter(4, rank=32))
    folder = tmp_path / "dora"
    folder.mkdir()
    for file in adapter(3).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8")) | {
        "use_dora": True
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(AdapterRejected):
        engine.publish("dora", folder)
    answers(engine, greedy())


def test_killed_in_mid_answer_and_started_again_it_has_its_versions_back(
    engine: RemoteEngine, vllm: Vllm, trained: Adapter, ramble: Callable[[int], Request]
) -> None:
    """The last test: it costs another start."""
    engine.publish(trained.name, Path(trained.path))
    before = [one.raw for one in answers(engine, greedy(Policy(trained.name)))]
    events = engine.stream([ramble(1), ramble(2)])
    next(events)
    vllm.kill()
    ends = [event for event in events if isinstance(event, Failed)]
    assert [type(end.error) for end in ends] == [EngineUnavailable] * 2
    vllm.start()
    assert vllm.names() == {"base"}
    after = [one.raw for one in answers(engine, greedy(Policy(trained.name)))]
    assert after == before
    assert len(vllm.names()) == 3
