"""Probes at start what a server really does: a documented parameter need not work."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from openai import APIConnectionError, APIError
from openai.types.chat import ChatCompletion

from ptrapp.engines.remote.server import Server

log = logging.getLogger(__name__)

UNKNOWN_MODEL = "thrice-asks-for-a-model-that-nobody-has"
"""A name no server has; a server that answers for it would also answer for a lost adapter."""

_BEGUN = "Seven, three,"
"""More than one token in any vocabulary, and no answer to the question that is asked."""

VLLM_SAMPLING: Mapping[str, Any] = {
    "return_token_ids": True,
    "skip_special_tokens": False,
    "spaces_between_special_tokens": False,
    "top_k": -1,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
}
"""vLLM's own parameters: return ids and markers, and let no `generation_config.json` change the
distribution that training assumes."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server can do, as probed."""

    candidates: bool
    """`n` = 2 gives two choices. Only reported: each candidate is a request of its own."""
    template_switches: bool
    """`chat_template_kwargs` is accepted, so that thinking can be switched."""
    prefill: bool
    """`continue_final_message` continues the message given, which may open with a marker. llama.cpp
    does so with any answer that stands last."""
    seeds: bool
    """The same seed gives the same text."""
    samples: bool
    """Another seed gives another text. `transformers serve` decodes greedily whatever it is asked,
    unless the model's own `generation_config.json` has it sample."""
    logprobs: bool
    token_ids: bool
    """The ids that were generated come with the text: vLLM's `return_token_ids`."""
    refuses_unknown_models: bool
    """A model name that does not exist is an error and not an answer by another model."""
    adapters: bool
    """Adapters can be loaded while the server runs."""
    tokenize: bool
    """Prompts can be counted exactly."""
    system_role: bool
    """Its template takes a system message."""
    priorities: bool
    """A request may carry a priority. Whether it has an effect cannot be probed: vLLM 0.32 accepts
    any priority and uses it only with `--scheduling-policy priority`; others refuse it."""
    reasons: bool
    """It wrote a thought without being asked for one."""

    def sentences(self) -> tuple[str, ...]:
        """Returns one sentence for each capability, for the log and for a page."""
        sentences = (
            (self.candidates, "Several candidates can be asked for at once.",
             "It ignores n and writes one candidate a request, which is all Thrice asks for."),
            (self.template_switches, "Thinking is switched through the chat template.",
             "It refuses chat_template_kwargs, so thinking follows from the prompt alone."),
            (self.prefill, "An answer can be begun for the model.",
             "It cannot continue a begun answer, so the first marker is left to the template and "
             "a thought that does not end cannot be ended."),
            (self.seeds, "The same seed gives the same text.",
             "The same seed gives another text, so an answer cannot be drawn again."),
            (self.samples, "Another seed gives another text.",
             "It writes the same text whatever seed and temperature it is given, so candidates do "
             'not differ; transformers serve samples where the model\'s generation_config.json has '
             '"do_sample": true.'),
            (self.logprobs, "Log-probabilities come with the answers.",
             "It gives no log-probabilities, so none are stored."),
            (self.token_ids, "The generated token ids come with the answers and are trained on.",
             "It gives no token ids, so training tokenises the text again."),
            (self.refuses_unknown_models, "Unknown model names are refused.",
             "It answers for any model name, so adapters cannot be told apart and are not used."),
            (self.adapters, "Adapters can be published while it runs.",
             "It cannot load adapters while it runs, so only the base model answers."),
            (self.tokenize, "Prompts are counted exactly.",
             "It cannot count tokens, so the length of a prompt is estimated."),
            (self.system_role, "System messages are sent as such.",
             "Its template refuses a system message, which goes before the first question."),
            (self.priorities,
             "It is told who can wait; started with --scheduling-policy priority, vLLM answers "
             "people before jobs.",
             "It takes no priorities, so people and jobs wait for one another alike."),
            (self.reasons, "It thinks without being asked to.",
             "It does not think unless it is asked to."),
        )  # fmt: skip
        return tuple(yes if can else no for can, yes, no in sentences)


def probe(server: Server, model: str) -> Capabilities:
    """Sends a dozen tiny requests. Raises `APIConnectionError` when the server does not answer."""
    ask: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "Count from one to five."}],
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": 11,
        "max_tokens": 6,
    }
    switch = {"chat_template_kwargs": {"enable_thinking": True}}
    with_ids = _try(server, ask | dict(VLLM_SAMPLING))
    plain = with_ids or _try(server, ask)
    several = _try(server, ask | {"n": 2})
    once, again = (_try(server, ask | {"max_tokens": 12}) for _ in range(2))
    scored = _try(server, ask | {"logprobs": True})
    found = Capabilities(
        candidates=several is not None and len(several.choices) == 2,
        template_switches=_try(server, ask | switch) is not None,
        prefill=_continues(server, ask),
        seeds=bool(_text(once)) and _text(once) == _text(again),
        samples=_samples(server, ask),
        logprobs=bool(scored and scored.choices and scored.choices[0].logprobs),
        token_ids=bool(with_ids and with_ids.choices and token_ids(with_ids.choices[0])),
        refuses_unknown_models=_try(server, ask | {"model": UNKNOWN_MODEL}) is None,
        adapters=server.has_adapter_endpoints(),
        tokenize=_counts(server, ask),
        system_role=plain is None or _takes_system(server, ask),
        priorities=_reads_priority(server, ask),
        reasons=any("<think>" in _text(one) or _reasoning(one) for one in (plain, once)),
    )
    for sentence in found.sentences():
        log.info("%s: %s", server.url, sentence)
    return found


def token_ids(choice: Any) -> list[int]:
    """Returns the ids that vLLM adds to a choice, which the client's types do not have."""
    return list(getattr(choice, "token_ids", None) or ())


def cut_by_stop_string(choice: Any) -> bool:
    """Returns whether a stop string, not a token, ended the ids, as vLLM alone reports."""
    return isinstance(getattr(choice, "stop_reason", None), str)


def reasoning(part: Any) -> str:
    """Returns a message's or delta's thought: `reasoning` in vLLM, else `reasoning_content`."""
    for field in ("reasoning", "reasoning_content"):
        if isinstance(text := getattr(part, field, None), str) and text:
            return text
    return ""


def _try(server: Server, body: Mapping[str, Any]) -> ChatCompletion | None:
    try:
        return server.chat(body)
    except APIConnectionError:
        raise
    except APIError as error:
        log.debug("%s refuses %s: %s", server.url, sorted(body), error)
        return None


def _continues(server: Server, ask: dict[str, Any]) -> bool:
    """Returns whether an answer can be continued: its prompt then lacks the end of turn.

    Or what was begun comes back in front of the one token that was asked for, as in llama.cpp.
    """
    begun = [*ask["messages"], {"role": "assistant", "content": _BEGUN}]
    flags = {"continue_final_message": True, "add_generation_prompt": False}
    continued = _try(server, ask | {"messages": begun, "max_tokens": 1} | flags)
    if _text(continued).startswith(_BEGUN):
        return True
    answered = _try(server, ask | {"messages": begun, "max_tokens": 1})
    if not continued or not answered or not continued.usage or not answered.usage:
        return False
    return 0 < continued.usage.prompt_tokens < answered.usage.prompt_tokens


def _samples(server: Server, ask: dict[str, Any]) -> bool:
    """Returns whether texts differ at a temperature at which no model repeats itself."""
    open_question = [{"role": "user", "content": "Invent a name for a ship."}]
    drawn = ask | {"messages": open_question, "temperature": 2.0, "max_tokens": 12}
    texts = [_text(_try(server, drawn | {"seed": seed})) for seed in (1, 2, 3)]
    return len(set(texts)) > 1 or not any(texts)


def _reads_priority(server: Server, ask: dict[str, Any]) -> bool:
    """Returns whether priorities are read: a server that accepts a word as one ignores them."""
    first, senseless = (_try(server, ask | {"priority": value}) for value in (1, "none"))
    return first is not None and senseless is None


def _takes_system(server: Server, ask: dict[str, Any]) -> bool:
    system = {"role": "system", "content": "Be brief."}
    return _try(server, ask | {"messages": [system, *ask["messages"]], "max_tokens": 1}) is not None


def _counts(server: Server, ask: Mapping[str, Any]) -> bool:
    with suppress(APIError):
        body = {"model": ask["model"], "messages": ask["messages"]}
        return server.count_tokens(body) is not None
    return False


def _text(answer: ChatCompletion | None) -> str:
    if answer is None or not answer.choices:
        return ""
    return _reasoning(answer) + (answer.choices[0].message.content or "")


def _reasoning(answer: ChatCompletion | None) -> str:
    return reasoning(answer.choices[0].message) if answer and answer.choices else ""
