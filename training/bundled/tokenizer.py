"""The bundled model's tokenizer: a token for each digit and common word; it encodes any text."""

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from ptrapp.core.thoughts import TINY

THOUGHT, RESPONSE = TINY.thought_marker, TINY.response_marker
SYSTEM, USER, ASSISTANT, END, PAD = "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>"

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{- '<|assistant|>' -}}"
    "{{- '<R>' if enable_thinking is defined and not enable_thinking else '<T>' -}}"
    "{%- endif -%}"
)
"""Contents are verbatim, thoughts too, so that a later prompt begins with an earlier one."""

VOCABULARY = 766
"""With the two markers, which are added afterwards, 768."""

CONTEXT = 1024


def build_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learns byte-level merges from `texts`; the same texts give the same tokenizer."""
    special = [AddedToken(token, special=True) for token in (PAD, END, SYSTEM, USER, ASSISTANT)]
    markers = [AddedToken(token, special=False, normalized=False) for token in (THOUGHT, RESPONSE)]
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\d"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    core.add_tokens(markers)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
