"""Says an error to who asked, without where things are on the server."""

import re
from typing import Any

_SERVER_AT = re.compile(r"(?<=[Tt]he server) at [a-z][a-z0-9+.-]*://[^\s,;'\")]+[^\s,;.'\")]")
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://(?!HOST)[^\s,;'\")]+[^\s,;.'\")]")
_PATH = re.compile(r"(?<![\w/.:])(?:/(?!api/|account|people|join|path/to/)[^\s/'\",;:()]+){2,}/?")
_WINDOWS = re.compile(r"\b[A-Za-z]:\\[^\s'\",;]+")


def in_public(message: str) -> str:
    """Returns a message with the name alone of each file, and no address.

    >>> in_public("Another program keeps /srv/data/thrice.db locked; close it.")
    'Another program keeps thrice.db locked; close it.'
    >>> in_public("postgresql+psycopg://thrice@db/thrice cannot be reached; see /api/v1/jobs.")
    'the server cannot be reached; see /api/v1/jobs.'
    >>> in_public("The server at http://10.0.0.7:8000/v1 does not answer.")
    'The server does not answer.'
    >>> in_public("Start with --judge-base-url http://HOST:PORT/v1, or name /path/to/judge.")
    'Start with --judge-base-url http://HOST:PORT/v1, or name /path/to/judge.'
    """
    message = _ADDRESS.sub("the server", _SERVER_AT.sub("", message))
    message = _WINDOWS.sub(lambda found: found[0].rpartition("\\")[2], message)
    return _PATH.sub(lambda found: found[0].rstrip("/.").rpartition("/")[2], message)


def values_in_public(value: Any) -> Any:
    """Returns plain values, such as a job's settings, with each text as `in_public` says it.

    >>> values_in_public({"queries": ["/srv/data/asked.jsonl"], "n": 3})
    {'queries': ['asked.jsonl'], 'n': 3}
    """
    match value:
        case str():
            return in_public(value)
        case dict():
            return {name: values_in_public(one) for name, one in value.items()}
        case list() | tuple():
            return [values_in_public(one) for one in value]
        case _:
            return value
