"""What is said to who asks does not say where things are on the server."""

import pytest

from ptrapp.core.public import in_public


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The folder /srv/a b/c of it", "The folder a b/c of it"),
        ("keeps /srv/data/thrice.db locked; close it.", "keeps thrice.db locked; close it."),
        ("'/home/me/model' holds no model", "'model' holds no model"),
        (r"C:\Users\me\thrice.db is damaged", "thrice.db is damaged"),
        ("http://10.0.0.7:8101/v1 does not answer.", "the server does not answer."),
        ("postgresql+psycopg://a:***@db/x cannot", "the server cannot"),
        ("see /api/v1/openapi.json.", "see /api/v1/openapi.json."),
        ("1/2 of it, and/or 3/4", "1/2 of it, and/or 3/4"),
    ],
)
def test_a_message_is_told_without_places(said: str, told: str) -> None:
    assert in_public(said) == told
