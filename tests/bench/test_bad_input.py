"""Some random bad requests; the command sends ten thousand."""

from bench import bad_input


def test_no_bad_request_is_answered_with_5xx() -> None:
    found = bad_input.run("", n_requests=150, seed=7)
    assert sum(found["statuses"].values()) == 150
    assert found["first_of_5xx"] == []
