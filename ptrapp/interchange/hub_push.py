"""Publishes an export on a dataset hub: rows as Parquet, and a dataset card."""

from pathlib import Path

from httpx2 import HTTPError  # of the client that huggingface_hub speaks with
from huggingface_hub import DatasetCard

from ptrapp.core.errors import InputError


def push(parquet: Path, card: str, repo: str, token: str) -> str:
    """Uploads a Parquet file as the split `train` of a private dataset; returns its address.

    Raises `InputError` where the hub refuses it or cannot be reached.
    """
    import datasets  # only here: the app starts without it

    try:
        rows = datasets.Dataset.from_parquet(str(parquet))
        rows.push_to_hub(repo, private=True, token=token)
        DatasetCard(card).push_to_hub(repo, repo_type="dataset", token=token)
    except (OSError, ValueError, HTTPError) as error:
        first = str(error).strip().partition("\n")[0]
        raise InputError(
            f"{repo} cannot be published ({type(error).__name__}: {first}). Check the name, that "
            "HF_TOKEN may write there, and the network; the data is unharmed."
        ) from error
    return f"https://huggingface.co/datasets/{repo}"
