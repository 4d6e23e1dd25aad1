"""Any sequence classifier with one output scores responses; what is none is refused in words."""

from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import JudgeError, ModelUnusable
from ptrapp.core.settings import Settings
from ptrapp.core.types import Choice
from ptrapp.judges.function import FunctionJudge
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.judges.reward_model import RewardModel
from ptrapp.preferences.scoring import score_candidates


def save(folder: Path, base: Path, *, n_labels: int = 1, as_what: str = "classifier") -> Path:
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM, LlamaForSequenceClassification

    torch.manual_seed(3)
    kind: Any = LlamaForSequenceClassification if as_what == "classifier" else LlamaForCausalLM
    config = kind.config_class.from_pretrained(base)
    config.num_labels = n_labels
    kind(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, random_model_dir: Path) -> Path:
    return save(tmp_path_factory.mktemp("reward"), random_model_dir)


@pytest.fixture(scope="module")
def judge(folder: Path) -> RewardModel:
    return RewardModel(str(folder), "reward")


def test_a_score_does_not_hang_on_what_is_scored_beside_it(judge: RewardModel) -> None:
    responses = ["The answer is 4.", "5", "I do not know what that is, but it may be seven."]

    together = judge.score("What is 2 + 2?", None, responses)

    alone = [judge.score("What is 2 + 2?", None, [response])[0] for response in responses]
    assert together == pytest.approx(alone, abs=1e-5)
    assert len(set(together)) == 3


def test_the_score_is_what_the_classifier_says_of_the_whole_chat(
    judge: RewardModel, folder: Path
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    chat = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    ids = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False)
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits.item()

    assert judge.score("q", None, ["a"]) == pytest.approx([expected], abs=1e-6)


def test_the_higher_score_is_preferred_whichever_side_it_is_on(judge: RewardModel) -> None:
    first, second = judge.score("q", None, ["one", "two"])
    better = Choice.LEFT if first > second else Choice.RIGHT
    mirrored = Choice.RIGHT if first > second else Choice.LEFT

    assert judge.compare("q", None, "one", "two").outcome is better
    assert judge.compare("q", None, "two", "one").outcome is mirrored
    assert judge.compare("q", None, "one", "one").outcome is Choice.TIE


def test_of_several_responses_one_that_does_not_fit_stays_unscored_alone(
    judge: RewardModel,
) -> None:
    scores = score_candidates(judge, "q", None, ["one", "word " * 600, "two"])
    one, two = judge.score("q", None, ["one", "two"])

    assert scores.values == (pytest.approx(one, abs=1e-5), None, pytest.approx(two, abs=1e-5))
    assert len(scores.errors) == 1
    assert score_candidates(judge, "q", None, []).values == ()


def test_scores_nearer_than_asked_are_a_tie(folder: Path) -> None:
    judge = RewardModel(str(folder), "reward", tie_below=1e6)

    assert judge.compare("q", None, "one", "two").outcome is Choice.TIE


def test_a_response_that_does_not_fit_stays_unscored(judge: RewardModel) -> None:
    with pytest.raises(JudgeError, match="does not fit the reward model's 512"):
        judge.score("q", None, ["word " * 600])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"n_labels": 2}, "it has 2 outputs"), ({"as_what": "language model"}, "no reward model")],
)
def test_a_model_without_one_trained_output_is_refused(
    tmp_path: Path, random_model_dir: Path, options: dict[str, Any], message: str
) -> None:
    folder = save(tmp_path, random_model_dir, **options)

    with pytest.raises(ModelUnusable, match=message):
        RewardModel(str(folder), "reward")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="cannot be loaded as a reward model"):
        RewardModel(str(tmp_path), "reward")


def test_one_in_a_process_of_its_own_says_the_same(
    judge: RewardModel, folder: Path, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, judge=str(folder), device="cpu")
    apart = open_judge(settings, apart=True)
    assert isinstance(apart, FunctionJudge)
    try:
        assert apart.name == folder.name
        for left, right in (("The answer is 4.", "5"), ("5", "The answer is 4."), ("5", "5")):
            ours, theirs = (
                judge.compare("q", None, left, right),
                apart.compare("q", None, left, right),
            )
            assert theirs.outcome is ours.outcome
        assert apart.score("q", None, ["a", "b"]) == pytest.approx(
            judge.score("q", None, ["a", "b"])
        )
        with pytest.raises(JudgeError, match="does not fit"):
            apart.score("q", None, ["word " * 3000])
    finally:
        close_judge(apart)


def test_a_folder_without_a_model_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, judge=str(tmp_path))
    with pytest.raises(ModelUnusable, match=r"config\.json"):
        open_judge(settings, apart=True)
