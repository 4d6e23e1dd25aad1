"""Word problems: text, worked steps and answer, drawn together."""

from itertools import pairwise
from random import Random

from ptrapp.tasks.words import CONTAINERS, COSTLY, ITEMS, PEOPLE, WEEKDAYS, Person, plural, times

Draft = tuple[str, list[str], int | str]
"""Text, worked steps, answer."""


def story(level: int, rng: Random) -> Draft:
    """Things gained and lost, one after another: level + 1 changes."""
    who, item = rng.choice(PEOPLE), rng.choice(ITEMS)
    have = rng.randint(6, 16 + 8 * level)
    text = f"{who.name} has {have} {item}. "
    steps: list[str] = []
    for turn in range(level + 1):
        change = rng.randint(2, 6 + 3 * level)
        lose = have - change >= 3 and rng.random() < 0.5
        verb = rng.choice(("gives away", "loses", "sells") if lose else ("buys", "finds", "gets"))
        more = "" if lose else " more"
        subject = rng.choice((who.he, f"Then {who.he.lower()}")) if turn else who.he
        text += f"{subject} {verb} {change}{more}. "
        after = have - change if lose else have + change
        steps.append(f"{have}{'-' if lose else '+'}{change}={after}.")
        have = after
    text += rng.choice(
        (f"How many {item} does {who.name} have now?", f"How many {item} are there now?")
    )
    return text, steps, have


def cost(level: int, rng: Random) -> Draft:
    """Amounts at prices: two kinds of goods, or three at level 3."""
    kinds = rng.sample(COSTLY, 3 if level == 3 else 2)
    prices = [rng.randint(2, 5 + level) for _ in kinds]
    amounts = [rng.randint(2, 3 + level) for _ in kinds]
    priced = _listed(
        [f"a {kind} costs {price} dollars" for kind, price in zip(kinds, prices, strict=True)]
    )
    bought = _listed([f"{n} {plural(kind)}" for kind, n in zip(kinds, amounts, strict=True)])
    text = f"{priced[0].upper()}{priced[1:]}. How much do {bought} cost?"
    if rng.random() < 0.3:
        text = text.replace("How much do", "What is the price of").replace(" cost?", "?")
    pairs = list(zip(amounts, prices, strict=True))
    steps = [times(n, price) for n, price in pairs]
    return text, *_summed(steps, [n * price for n, price in pairs])


def total(level: int, rng: Random) -> Draft:
    """A sum over the days of a week: level + 2 days."""
    who = rng.choice(PEOPLE)
    did, thing = rng.choice(
        (
            ("reads", "pages"),
            ("bakes", "cakes"),
            ("walks", "miles"),
            ("picks", "apples"),
            ("writes", "cards"),
        )
    )
    start = rng.randint(0, 6)
    amounts = [rng.randint(3, 8 + 4 * level) for _ in range(level + 2)]
    days = [f"{n} on {WEEKDAYS[(start + i) % 7]}" for i, n in enumerate(amounts)]
    days[0] = days[0].replace(" on", f" {thing} on", 1)
    asked = rng.choice((f"How many {thing} is that in total?", f"How many {thing} is that?"))
    return f"{who.name} {did} {_listed(days)}. {asked}", *_summed([], amounts)


def median(level: int, rng: Random) -> Draft:
    """The middle of a list of five, or of seven at level 3."""
    count = 7 if level == 3 else 5
    numbers = rng.sample(range(1, 10 + 15 * level), count)
    ordered = sorted(numbers)
    half = count // 2
    asked = rng.choice(("What is the median of {}?", "Find the median of {}."))
    low = f"The smallest are {_listed([str(n) for n in ordered[:half]])}."
    answer = ordered[half]
    return asked.format(_listed([str(n) for n in numbers])), [low, f"Next is {answer}."], answer


def value_range(level: int, rng: Random) -> Draft:
    """The largest value minus the smallest, among level + 3 values."""
    numbers = rng.sample(range(2, 10 + 15 * level), level + 3)
    listed = _listed([str(n) for n in numbers])
    text = rng.choice(
        (
            f"What is the range of {listed}?",
            f"The cards show {listed}. What is the largest minus the smallest?",
        )
    )
    high, low = max(numbers), min(numbers)
    steps = [f"The largest is {high}.", f"The smallest is {low}.", f"{high}-{low}={high - low}."]
    return text, steps, high - low


def unit_price(level: int, rng: Random) -> Draft:
    """So many cost so much: what do others cost, with a voucher at levels 2 and 3."""
    kind = rng.choice(COSTLY)
    price = rng.randint(2, 4 + level)
    known, wanted = rng.sample(range(2, 6 + level), 2)
    text = f"{known} {plural(kind)} cost {known * price} dollars. "
    steps = [f"{known * price}/{known}={price}.", times(wanted, price)]
    answer = wanted * price
    if level == 1:
        return text + f"How much do {wanted} {plural(kind)} cost?", steps, answer
    off = rng.randint(1, min(answer - 1, 9))
    if rng.random() < 0.5:
        text += f"A bag costs {off} dollars. How much do {wanted} {plural(kind)} and a bag cost?"
        return text, [*steps, f"{answer}+{off}={answer + off}."], answer + off
    text += f"{rng.choice(PEOPLE).name} gets {off} dollars off. How much do {wanted} cost?"
    return text, [*steps, f"{answer}-{off}={answer - off}."], answer - off


def clock(level: int, rng: Random) -> Draft:
    """When something ends: hours, then minutes; at level 3 with a break as well."""
    what = rng.choice(("film", "class", "game", "trip", "show"))
    hour, hours = rng.randint(1, 8), rng.randint(1, 3)
    minute = 5 * rng.randint(0, 5 if level == 1 else 11)
    parts = [5 * rng.randint(1, 5 if level == 1 else 9) for _ in range(2 if level == 3 else 1)]
    text = (
        f"A {what} starts at {hour}:{minute:02d} and lasts {hours} "
        f"hour{'s' * (hours > 1)} and {parts[0]} minutes. "
    )
    if level == 3:
        text += f"There is a break of {parts[1]} minutes. "
    now = hour * 60 + minute
    steps: list[str] = []
    for label, length in [(f"{hours}:00", hours * 60)] + [(f"0:{p:02d}", p) for p in parts]:
        steps.append(f"{_time(now)}+{label}={_time(now + length)}.")
        now += length
    return text + f"When does the {what} end?", steps, _time(now)


def change(level: int, rng: Random) -> Draft:
    """Money back from a note after buying one kind of thing, or two."""
    who = rng.choice(PEOPLE)
    kinds = rng.sample(COSTLY, 2)
    amounts = [rng.randint(2, 3 + level), 1]
    prices = [rng.randint(2, 4 + level), rng.randint(2, 9)]
    if level == 1:
        kinds, amounts, prices = kinds[:1], amounts[:1], prices[:1]
    spent = [n * price for n, price in zip(amounts, prices, strict=True)]
    note = next(n for n in (20, 50, 100) if n > sum(spent) + 2)
    bought = f"{amounts[0]} {plural(kinds[0])} at {prices[0]} dollars each"
    steps = [times(amounts[0], prices[0])]
    if level > 1:
        bought += f" and a {kinds[1]} for {prices[1]} dollars"
        steps.append(f"{spent[0]}+{prices[1]}={sum(spent)}.")
    steps.append(f"{note}-{sum(spent)}={note - sum(spent)}.")
    text = f"{who.name} pays with {note} dollars for {bought}. "
    return text + f"How many dollars does {who.he.lower()} get back?", steps, note - sum(spent)


def boxes(level: int, rng: Random) -> Draft:
    """Full containers, some things taken out, and others put in at levels 2 and 3."""
    box, item = rng.choice(CONTAINERS), rng.choice(ITEMS)
    n, each = rng.randint(3, 4 + level), rng.randint(2, 5 + level)
    taken = rng.randint(2, min(6 + 3 * level, n * each - 2))
    left = n * each - taken
    text = f"There are {n} {plural(box)} with {each} {item} each. "
    text += rng.choice(
        (f"{rng.choice(PEOPLE).name} takes {taken} of them. ", f"{taken} of them are sold. ")
    )
    steps = [times(n, each), f"{n * each}-{taken}={left}."]
    if level > 1:
        more = rng.randint(3, 6 + 3 * level)
        text += f"Then {rng.choice(PEOPLE).name} brings {more} more. "
        steps.append(f"{left}+{more}={left + more}.")
        left += more
    return text + f"How many {item} are left?", steps, left


def ages(level: int, rng: Random) -> Draft:
    """A chain of comparisons that begins at a known age."""
    people = rng.sample(PEOPLE, level + 2)
    value = rng.randint(4, 9 + level)
    facts, steps = [f"{people[0].name} is {value} years old."], []
    for before, person in pairwise(people):
        fact, step, value = _related(before, person, value, rng)
        facts.append(fact)
        steps.append(step)
    return " ".join(facts) + f" How old is {people[-1].name}?", steps, value


def purse(level: int, rng: Random) -> Draft:
    """Held out: money left after buying several of a thing, and earning or spending more."""
    who, kind = rng.choice(PEOPLE), rng.choice(COSTLY)
    n, price = rng.randint(2, 3 + level), rng.randint(2, 4 + level)
    have = n * price + rng.randint(4, 20)
    left = have - n * price
    text = f"{who.name} has {have} dollars. "
    text += f"{who.he} buys {n} {plural(kind)} at {price} dollars each. "
    steps = [times(n, price), f"{have}-{n * price}={left}."]
    if level > 1:
        more = rng.randint(3, 6 + 3 * level)
        text += f"Then {who.he.lower()} finds {more} more. "
        steps.append(f"{left}+{more}={left + more}.")
        left += more
    return text + f"How many dollars does {who.name} have now?", steps, left


def shelves(level: int, rng: Random) -> Draft:
    """Held out: two or three kinds of containers, and all that is in them."""
    kinds = rng.sample(CONTAINERS, 3 if level == 3 else 2)
    item = rng.choice(ITEMS)
    amounts = [rng.randint(2, 3 + level) for _ in kinds]
    each = [rng.randint(2, 5 + level) for _ in kinds]
    pairs = list(zip(amounts, each, strict=True))
    parts = [
        f"{n} {plural(kind)} with {m} {item} each"
        for kind, (n, m) in zip(kinds, pairs, strict=True)
    ]
    text = f"There are {_listed(parts)}. How many {item} is that in total?"
    steps = [times(n, m) for n, m in pairs]
    return text, *_summed(steps, [n * m for n, m in pairs])


def _summed(steps: list[str], amounts: list[int]) -> tuple[list[str], int]:
    """Appends running sums to `steps`: 3, 4, 5 become "3+4=7." and "7+5=12."."""
    so_far = amounts[0]
    for amount in amounts[1:]:
        steps = [*steps, f"{so_far}+{amount}={so_far + amount}."]
        so_far += amount
    return steps, so_far


def _related(before: Person, person: Person, value: int, rng: Random) -> tuple[str, str, int]:
    """How one person's age follows from another's: the fact, the step, the age."""
    name, other = person.name, before.name
    if value <= 12 and rng.random() < 0.3:
        return f"{name} is twice as old as {other}.", times(2, value), 2 * value
    by = rng.randint(2, 9)
    if value - by >= 3 and rng.random() < 0.4:
        fact = f"{name} is {by} years younger than {other}."
        return fact, f"{value}-{by}={value - by}.", value - by
    return f"{name} is {by} years older than {other}.", f"{value}+{by}={value + by}.", value + by


def _listed(parts: list[str]) -> str:
    """One, two and three."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _time(minutes: int) -> str:
    """Minutes after midnight on a twelve-hour clock: 785 is 1:05."""
    return f"{(minutes // 60 - 1) % 12 + 1}:{minutes % 60:02d}"
