"""What is slow and reports itself many times a second stands in a log once."""

import logging

import pytest

from ptrapp.core.progress import logged_once


def test_each_thing_is_logged_when_it_begins(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        report = logged_once(logging.getLogger("a job"))
        for text, fraction in (
            ("Converting", None),
            ("Converting", None),
            ("Fetching", 0.5),
            ("Loading", None),
            ("Converting", None),
        ):
            report(text, fraction)
    assert caplog.messages == ["Converting", "Loading", "Converting"]
