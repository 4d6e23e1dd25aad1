"""Says how many of something there are: the one place that knows singular from plural."""


def counted(n: int, one: str, many: str = "") -> str:
    """Returns a number and what it counts; `many` is the plural where an s does not make it.

    >>> counted(1, "rater"), counted(0, "label"), counted(1200, "label")
    ('1 rater', '0 labels', '1,200 labels')
    >>> counted(2, "person", "people"), counted(1, "version is", "versions are")
    ('2 people', '1 version is')
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
