"""Publishes an export with its card on a dataset hub; the environment alone gives the token."""

import os

from ptrapp.core.errors import InputError
from ptrapp.interchange import card, hub_push
from ptrapp.interchange.writing import PARQUET
from ptrapp.services.context import LabelsContext
from ptrapp.services.files import exporting
from ptrapp.services.files.exporting import ExportRequest, Manifest, What, write_temporary
from ptrapp.services.labelling.agreement import read_report

TOKEN = "HF_TOKEN"


def publish(context: LabelsContext, ask: ExportRequest, repo: str) -> tuple[str, Manifest]:
    """Exports, uploads as a private dataset, and returns its address and manifest.

    The card says how far people agree, where that was measured. Raises `InputError` without a
    token, for a name that is none, and when there is nothing to publish.
    """
    if not (token := os.environ.get(TOKEN, "")):
        raise InputError(f"Nothing was published: set {TOKEN} to a token that may write {repo!r}.")
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise InputError(f"{repo!r} names no dataset; write owner/name.")
    path, manifest = write_temporary(context, ask, PARQUET)
    try:
        if not manifest.n_rows:
            raise InputError(f"There are no {ask.what} to publish yet.")
        about = card.card(
            manifest.as_json(), repo.partition("/")[2], agreement=_agreement(context, ask)
        )
        return hub_push.push(path, about, repo, token), manifest
    finally:
        path.unlink(missing_ok=True)


def _agreement(context: LabelsContext, ask: ExportRequest) -> str:
    """Returns how far people agree now, in a sentence; "" where none was measured."""
    if ask.what is What.REFINEMENTS:
        return ""
    campaign_id = exporting.campaign_id(context, ask)
    people = [one for one in read_report(context, campaign_id).groups if one.kind == "human"]
    return people[0].conclusion if people and people[0].alpha.value is not None else ""
