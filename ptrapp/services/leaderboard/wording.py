"""How a difference is put in words: "better" only where the whole interval is on that side."""

from ptrapp.analysis.intervals import Interval

NOT_ENOUGH = "Not enough data"


def by_interval(interval: Interval, above: str, below: str, neither: str) -> str:
    """Returns which of three headings the interval allows; 0 is no difference."""
    return above if interval.low > 0 else below if interval.high < 0 else neither


def compared(name: str, other: str, low: float, high: float) -> str:
    """Returns whether a version is better than another, by the interval of its gain."""
    return by_interval(
        Interval(low, high),
        f"{name} is better than {other}",
        f"{name} is worse than {other}",
        f"{name} is neither clearly better nor worse than {other}",
    )


def signed(share: float) -> str:
    """Returns a share as points with their sign."""
    return f"{100 * share:+.1f}".replace("-", "−")


def rounds_in_words(n: int) -> str:
    """Returns a number of rounds, small ones spelt out."""
    return {1: "one round", 2: "two rounds", 3: "three rounds"}.get(n, f"{n} rounds")
