"""Settings for Hugging Face Spaces, where the platform controls access and the address."""

import os
from pathlib import Path

PERSISTENT = Path("/data")
"""Where a Space has the storage that outlives it, if its owner has paid for some."""


def on_spaces() -> dict[str, object]:
    """Returns the settings for Hugging Face Spaces, none elsewhere.

    The platform controls access, expects the app on every address, and shows it in a frame.
    """
    if "SPACE_ID" not in os.environ:
        return {}
    said: dict[str, object] = {
        "host": "0.0.0.0",
        "open": True,
        "framed": True,
        "framed_by": ("https://huggingface.co",),
        "trusted_proxy": ("0.0.0.0/0", "::/0"),  # only the platform's proxy reaches the app
        "allowed_host": tuple(filter(None, os.environ.get("SPACE_HOST", "").split(","))),
    }
    if os.access(PERSISTENT, os.W_OK):
        said["data_dir"] = PERSISTENT / "thrice"
    if client := os.environ.get("OAUTH_CLIENT_ID"):  # with hf_oauth in the header of README.md
        said |= {
            "hf_client_id": client,
            "hf_client_secret": os.environ.get("OAUTH_CLIENT_SECRET", ""),
            "hf_provider": os.environ.get("OPENID_PROVIDER_URL", "https://huggingface.co"),
        }
        if maker := os.environ.get("SPACE_CREATOR_USER_ID"):
            said["hf_admin"] = (f"id:{maker}",)
    given = {name for name in said if f"THRICE_{name.upper()}" in os.environ}
    return {name: value for name, value in said.items() if name not in given}
