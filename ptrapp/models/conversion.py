"""Converts one GGUF file to safetensors: `python -m ptrapp.models.conversion FILE FOLDER SHA256`.

A process of its own, started by `ptrapp.models.gguf`: what loads the packed weights takes several
times their memory, which is free again when it ends.
"""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from ptrapp.core.model_folder import is_model
from ptrapp.models.gguf import write_origin


def main(file: Path, folder: Path, digest: str) -> int:
    """Converts by way of `folder`. Returns 0, or 2 with the reason on stderr."""
    try:
        fields = _fields(file)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        convert(file, folder)
        write_origin(folder, file, digest, fields["license"])
        _flush(folder)
        final = folder.with_name(f"{_name(fields)}-{digest[:12]}")
        if not is_model(final):  # another process may have been quicker
            folder.rename(final)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        print(f"{first.rstrip('.')}. Take a safetensors model instead.", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def convert(file: Path, folder: Path) -> None:
    """Writes the model of a GGUF file as bfloat16 safetensors, with its tokenizer and template.

    Without `dequantize` transformers keeps the packed weights, and refuses to save them (5.24).
    """
    common: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    model: Any = AutoModelForCausalLM.from_pretrained(
        str(file.parent),
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
        **common,
    )
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    tokenizer = AutoTokenizer.from_pretrained(str(file.parent), **common)
    model.to(dtype=torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _fields(file: Path) -> dict[str, str]:
    """Returns what the file says of itself, empty where it says nothing."""
    fields = GGUFReader(file).fields
    found = {}
    for name in ("architecture", "basename", "size_label", "license"):
        field = fields.get(f"general.{name}")
        found[name] = str(field.contents()) if field else ""
    return found


def _name(fields: dict[str, str]) -> str:
    """Returns a name for people that the file's content alone decides, such as smollm2-135m."""
    said = "-".join(
        filter(None, (fields["basename"] or fields["architecture"], fields["size_label"]))
    )
    return re.sub(r"[^a-z0-9.]+", "-", said.lower()).strip("-.") or "model"


def _flush(folder: Path) -> None:
    """Has every file on the disk before the folder's name says that it is whole."""
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            os.fsync(file.fileno())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
