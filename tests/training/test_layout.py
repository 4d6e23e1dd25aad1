"""Which layout a model is given, and that every layout says what the model itself says."""

from typing import Any

import pytest
import torch
import transformers
from torch.nn.attention.flex_attention import create_block_mask

from training.data.batches import Item, Rows, build
from training.data.segments import Segment, Segments
from training.data.tokens import Encoded, Pair, Tokens
from training.policy.attention import _flex, segment_attention
from training.policy.layout import PLAIN, choose_layout
from training.policy.scorer import Layout, Scorer

SIZES: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
SERVED: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Qwen2": {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 2},
    "Qwen3": {},
    "Mistral": {"sliding_window": 6},
    "Gemma2": {"sliding_window": 6, "query_pre_attn_scalar": 8},
    "Gemma3": {"sliding_window": 6},
    "Phi3": {"sliding_window": 6},
    "SmolLM3": {},
    "Granite": {"logits_scaling": 3.0},
    "Cohere": {"logit_scale": 0.5},
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
UNSERVED: dict[str, dict[str, Any]] = {
    # A recurrent state runs through the whole row.
    "Qwen3Next": {
        **EXPERTS,
        "linear_num_value_heads": 2,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "shared_expert_intermediate_size": 16,
    },
    "GptOss": {"num_local_experts": 2, "num_experts_per_tok": 1},  # attention sinks
    "Mamba": {},
    "Bloom": {},  # positions by a bias on the scores
}


def make(name: str, extra: dict[str, Any], dtype: torch.dtype) -> Any:
    config = getattr(transformers, "Gemma3TextConfig" if name == "Gemma3" else f"{name}Config")
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForCausalLM")(config(**SIZES, **extra))
    for weight in model.parameters():
        if weight.ndim > 1:  # larger than usual, so that a token in the wrong place is seen
            torch.nn.init.normal_(weight, std=0.15)
    return model.to(dtype).eval().requires_grad_(False)


def batch(rows: Rows) -> Any:
    """Three candidates of one prompt and a single, longer than every window above."""
    draw = torch.Generator().manual_seed(7)

    def tokens(length: int, weight: float) -> Tokens:
        ids = torch.randint(3, 300, (length,), generator=draw).tolist()
        return Tokens(tuple(ids), (weight,) * length)

    first = Encoded(tokens(11, 0.0), tuple(tokens(n, 1.0) for n in (5, 9, 7)), (Pair(0, 1),))
    second = Encoded(tokens(4, 0.0), (tokens(12, 1.0),))
    return build([Item(first), Item(second)], rows, pad_id=0)


@pytest.mark.parametrize("name", SERVED)
def test_segments_and_fused_head_say_what_the_model_says(name: str) -> None:
    model = make(name, SERVED[name], torch.float64)
    scorer = Scorer(model, PLAIN)
    plain = scorer(batch(Rows.PADDED)).logps

    assert choose_layout(scorer) == Layout(Rows.SEGMENTS, fused_head=True)

    flat = scorer(batch(Rows.SEGMENTS)).logps
    # Some norms and softmaxes compute in float32 whatever they are given.
    assert torch.allclose(flat, plain, atol=1e-5)


@pytest.mark.parametrize("name", UNSERVED)
def test_a_model_that_mixes_segments_is_found_out_and_gets_padded_rows(name: str) -> None:
    model = make(name, UNSERVED[name], torch.float32)
    scorer = Scorer(model, PLAIN)
    plain = scorer(batch(Rows.PADDED)).logps

    assert choose_layout(scorer).rows is Rows.PADDED

    assert torch.allclose(scorer(batch(Rows.PADDED)).logps, plain, atol=1e-4)


def test_a_head_that_is_more_than_a_matrix_is_left_to_the_model() -> None:
    model = make("Llama", {}, torch.float64)
    inner = model.lm_head

    class Doubling(torch.nn.Module):
        weight = inner.weight

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            return 2 * inner(hidden)

    model.lm_head = Doubling()

    assert choose_layout(Scorer(model, PLAIN)) == Layout(Rows.SEGMENTS, fused_head=False)


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("softcap", [None, 3.0])
def test_the_gpu_kernel_sees_what_the_cpu_one_does(
    window: int | None, softcap: float | None
) -> None:
    """FlexAttention's own reference implementation runs on a CPU too: the mask is the same."""
    parts = (Segment(9), Segment(6, 0, 5), Segment(4, 0, 5), Segment(7))
    if window is None and softcap is None:  # several blocks of the mask: some are seen in full
        parts = (Segment(410), Segment(300, 0, 270), Segment(4, 0, 5), Segment(160, 0, 130))
    segments = Segments(parts)
    n_tokens = sum(segments.lengths)
    draw = torch.Generator().manual_seed(3)
    query = torch.randn(1, 4, n_tokens, 16, generator=draw)
    key, value = (torch.randn(1, 2, n_tokens, 16, generator=draw) for _ in range(2))

    ours, _ = segment_attention(
        torch.nn.Identity(),
        query,
        key,
        value,
        None,
        segments=segments,
        sliding_window=window,
        softcap=softcap,
    )

    other = _flex(query, key, value, segments, 0.25, window, softcap)
    assert torch.allclose(ours, other, atol=1e-5)


@pytest.mark.parametrize("window", [None, 100])
def test_the_blocks_of_a_mask_are_those_that_looking_at_every_token_finds(
    window: int | None,
) -> None:
    parts = (
        Segment(410),
        Segment(300, 0, 270),
        Segment(4, 0, 5),
        Segment(130),
        Segment(160, 3, 99),
    )
    n_tokens = sum(part.length for part in parts)
    mask = Segments(parts).block_mask(window, torch.device("cpu"))
    assert mask.mask_mod is not None

    looked = create_block_mask(mask.mask_mod, None, None, n_tokens, n_tokens, device="cpu")

    ours, theirs = (each.to_dense()[0, 0].bool() for each in (mask, looked))
    assert (theirs <= ours).all()  # whatever is seen is computed
    if window is None:
        assert torch.equal(ours, theirs)
        assert mask.full_kv_num_blocks is not None
        assert looked.full_kv_num_blocks is not None
        n_full = mask.full_kv_num_blocks.sum(), looked.full_kv_num_blocks.sum()
        assert 0 < n_full[0] <= n_full[1]
