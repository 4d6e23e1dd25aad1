"""Writes the dataset card of an export: content, size, raters and hash."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

_ABOUT = {
    "preferences": (
        "Pairs of answers to one prompt, the preferred one as `chosen`: TRL's conversational "
        "preference type.",
        ["preference", "dpo"],
    ),
    "unpaired": (
        "Single answers with a `label`, true where they were preferred: TRL's unpaired preference "
        "type.",
        ["unpaired-preference", "kto"],
    ),
    "votes": (
        "Every single vote with the pair it was cast on, repeated and undone ones too.",
        ["preference", "human-feedback"],
    ),
    "refinements": (
        "A question, attempts at it, and a better answer. `loss` is 1 for what is to be learnt, "
        "0 for what is only read.",
        ["sft", "self-refinement"],
    ),
    "prompts": (
        "Questions with what is known of each; `held_out` ones were kept for measuring: TRL's "
        "conversational prompt-only type.",
        ["prompts"],
    ),
    "scores": (
        "Single answers, each with the `score` that a judge gave it; higher is better. Scores of "
        "different judges have no common scale.",
        ["reward-model"],
    ),
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_WHO = {"human": "people", "judge": "judges (models)", "dataset": "imported files, unattributed"}


def card(manifest: Mapping[str, Any], title: str, *, agreement: str = "") -> str:
    """Returns Markdown with its YAML header, made of an export's manifest.

    `agreement` is a sentence on the agreement of raters, where it was measured. The licence is a
    placeholder for the one that the publisher chooses.
    """
    about, tags = _ABOUT[manifest["what"]]
    size = next((name for most, name in _SIZES if manifest["n_rows"] < most), "1M<n<10M")
    lines = [
        "---",
        "license: other",
        "license_name: to-be-chosen",
        "task_categories:",
        "- text-generation",
        "size_categories:",
        f"- {size}",
        "tags:",
        *(f"- {tag}" for tag in ("thrice", *tags)),
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        "    path: data/train-*",
        "---",
        "",
        f"# {_plain(title)}",
        "",
        about,
        "",
        f"- **Rows:** {manifest['n_rows']:,}",
        f"- **Completions:** {_completions(manifest)}",
        *_raters(manifest),
        *([f"- **Agreement:** {_plain(agreement)}"] if agreement else []),
        f"- **Campaign:** {_plain(manifest['campaign'] or 'all')}",
        *_dropped(manifest),
        "- **Licence:** to be chosen by whoever publishes this; until then none is granted.",
        "",
        "## The same data again",
        "",
        f"SHA-256 of the rows as JSON lines: `{manifest['sha256']}`.",
        "The database it was taken from gives the same bytes again:",
        "",
        "```",
        command(manifest),
        "```",
        "",
        "```json",
        json.dumps(dict(manifest), indent=2, ensure_ascii=False),
        "```",
        "",
    ]
    return "\n".join(lines)


def _completions(manifest: Mapping[str, Any]) -> str:
    if manifest["what"] == "votes":
        return "with all their parts"
    if manifest["what"] == "prompts":
        return "none"
    full = "as they were generated, thoughts included"
    return full if manifest["completions"] == "full" else "the responses alone, without thoughts"


def _raters(manifest: Mapping[str, Any]) -> list[str]:
    given = "scores" if manifest["what"] == "scores" else "votes"
    who = [
        f"{manifest['n_raters'].get(kind, 0):,} {_WHO.get(kind, kind)} with {n:,} {given}"
        for kind, n in manifest["n_votes"].items()
    ]
    return [f"- **Raters:** {'; '.join(who)}"] if who else []


def _dropped(manifest: Mapping[str, Any]) -> list[str]:
    reasons = [f"{n:,} × {reason}" for reason, n in manifest["dropped"].items()]
    return [f"- **Left out:** {', '.join(reasons)}"] if reasons else []


def command(manifest: Mapping[str, Any]) -> str:
    """Returns the command that writes the same bytes again, quoted for a POSIX shell."""
    words = ["python", "-m", "ptrapp", "export", "--what", manifest["what"]]
    words += ["--completions", manifest["completions"], "--up-to", str(manifest["up_to"])]
    for kind in manifest["kinds"] or ():
        words += ["--kind", kind]
    if manifest["campaign"]:
        words += ["--campaign", manifest["campaign"]]
    if manifest["names"]:
        words.append("--names")
    return shlex.join([*words, "--expect", manifest["sha256"], "--to", "export.jsonl"])


def _plain(text: str) -> str:
    """Returns a text as one line of Markdown, without markup of its own."""
    return " ".join("".join(char for char in text if char not in "`<>[]|#*_").split())
