"""Draws word problems at random: text, worked steps and answer."""

from itertools import pairwise
from random import Random

from ptrapp.tasks.words import (
    CONTAINERS,
    COSTLY,
    DONE_DAILY,
    GAINS,
    ITEMS,
    LOSSES,
    PEOPLE,
    WEEKDAYS,
    Character,
    plural,
    times,
)

Draft = tuple[str, list[str], int | str]
"""Text, worked steps, answer."""


def story(level: int, rng: Random) -> Draft:
    """Draws things gained and lost, one after another: level + 1 changes."""
    who, item = rng.choice(PEOPLE), rng.choice(ITEMS)
    have = rng.randint(10, 16 + 8 * level)
    text = f"{who.name} has {have} {item}. "
    steps: list[str] = []
    for verb in rng.sample((*GAINS, *LOSSES), level + 1):
        lost = verb in LOSSES
        most = 6 + 3 * level
        change = rng.randint(2, max(2, min(most, have // 2)) if lost else most)
        after = have - change if lost else have + change
        subject = rng.choice((who.he, f"Then {who.he.lower()}")) if steps else who.he
        text += f"{subject} {verb} {change}{'' if lost else ' more'}. "
        steps.append(f"{who.he} {verb} {change}: {have} {'-' if lost else '+'} {change} = {after}.")
        have = after
    asked = rng.choice(("How many {} does {} have now?", "How many {} are there now?"))
    return text + asked.format(item, who.name), steps, have


def cost(level: int, rng: Random) -> Draft:
    """Draws amounts at prices: two kinds of goods, or three at level 3."""
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
    steps = [
        f"{n} {plural(kind)} cost {times(n, price)}"
        for kind, (n, price) in zip(kinds, pairs, strict=True)
    ]
    return text, *_summed(steps, [n * price for n, price in pairs])


def total(level: int, rng: Random) -> Draft:
    """Draws a sum over the days of a week: level + 2 days."""
    who = rng.choice(PEOPLE)
    did, thing = rng.choice(DONE_DAILY)
    start, so_far = rng.randint(0, 6), rng.randint(3, 8 + 4 * level)
    text = f"On {WEEKDAYS[start]} {who.name} {did} {so_far} {thing}"
    steps: list[str] = []
    for later in range(1, level + 2):
        day, more = WEEKDAYS[(start + later) % 7], rng.randint(3, 8 + 4 * level)
        text += f"{' and' if later == level + 1 else ','} on {day} {more}"
        steps.append(f"{day}: {so_far} + {more} = {so_far + more}.")
        so_far += more
    asked = rng.choice((f"How many {thing} is that in total?", f"How many {thing} is that?"))
    return f"{text}. {asked}", steps, so_far


def median(level: int, rng: Random) -> Draft:
    """Draws a list of five and asks for its median."""
    numbers = rng.sample(range(1, 10 + 15 * level), 5)
    ordered = sorted(numbers)
    asked = rng.choice(("What is the median of {}?", "Find the median of {}."))
    low = f"The smallest are {_listed([str(n) for n in ordered[:2]])}."
    answer = ordered[2]
    return asked.format(_listed([str(n) for n in numbers])), [low, f"Next is {answer}."], answer


def value_range(level: int, rng: Random) -> Draft:
    """Draws level + 2 values and asks for the largest minus the smallest."""
    numbers = rng.sample(range(2, 10 + 15 * level), level + 2)
    listed = _listed([str(n) for n in numbers])
    text = rng.choice(
        (
            f"What is the range of {listed}?",
            f"The cards show {listed}. What is the largest minus the smallest?",
        )
    )
    high, low = max(numbers), min(numbers)
    steps = [
        f"The largest is {high}.",
        f"The smallest is {low}.",
        f"{high} - {low} = {high - low}.",
    ]
    return text, steps, high - low


def unit_price(level: int, rng: Random) -> Draft:
    """Draws the price of some items and asks for that of others, with a voucher from level 2 on."""
    kind = rng.choice(COSTLY)
    price = rng.randint(2, 4 + level)
    known, wanted = rng.sample(range(2, 6 + level), 2)
    text = f"{known} {plural(kind)} cost {known * price} dollars. "
    steps = [f"{known * price} ÷ {known} = {price}.", times(wanted, price)]
    answer = wanted * price
    if level == 1:
        return text + f"How much do {wanted} {plural(kind)} cost?", steps, answer
    off = rng.randint(1, min(answer - 1, 9))
    if rng.random() < 0.5:
        text += f"A bag costs {off} dollars. How much do {wanted} {plural(kind)} and a bag cost?"
        return text, [*steps, f"{answer} + {off} = {answer + off}."], answer + off
    text += f"{rng.choice(PEOPLE).name} gets {off} dollars off. How much do {wanted} cost?"
    return text, [*steps, f"{answer} - {off} = {answer - off}."], answer - off


def clock(level: int, rng: Random) -> Draft:
    """Draws a start time and a duration and asks for the end; at level 3 with a break."""
    what = rng.choice(("film", "class", "game", "trip", "show"))
    hour, hours = rng.randint(1, 8), rng.randint(1, 3)
    minute = 5 * rng.randint(0, 5 if level == 1 else 11)
    lasts, rest = (5 * rng.randint(1, 5 if level == 1 else 9) for _ in range(2))
    unit = "hour" if hours == 1 else "hours"
    text = f"A {what} starts at {hour}:{minute:02d} and lasts {hours} {unit} and {lasts} minutes. "
    parts = [(f"{hours} {unit}", 60 * hours), (f"{lasts} minutes", lasts)]
    if level == 3:
        text += f"There is a break of {rest} minutes. "
        parts.append((f"{rest} minutes", rest))
    now = hour * 60 + minute
    steps: list[str] = []
    for label, length in parts:
        steps.append(f"{_time(now)} + {label} = {_time(now + length)}.")
        now += length
    return text + f"When does the {what} end?", steps, _time(now)


def change(level: int, rng: Random) -> Draft:
    """Draws a purchase paid with a note and asks for the change; level 2 adds a second item."""
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
        steps.append(f"{spent[0]} + {prices[1]} = {sum(spent)}.")
    steps.append(f"{note} - {sum(spent)} = {note - sum(spent)}.")
    text = f"{who.name} pays with {note} dollars for {bought}. "
    return text + f"How many dollars does {who.he.lower()} get back?", steps, note - sum(spent)


def boxes(level: int, rng: Random) -> Draft:
    """Draws full containers with items taken out, and others put in from level 2 on."""
    box, item = rng.choice(CONTAINERS), rng.choice(ITEMS)
    n, each = rng.randint(3, 4 + level), rng.randint(2, 5 + level)
    taken = rng.randint(2, min(6 + 3 * level, n * each - 2))
    left = n * each - taken
    text = f"There are {n} {plural(box)} with {each} {item} each. "
    text += rng.choice(
        (f"{rng.choice(PEOPLE).name} takes {taken} of them. ", f"{taken} of them are sold. ")
    )
    steps = [times(n, each), f"{n * each} - {taken} = {left}."]
    if level > 1:
        more = rng.randint(3, 6 + 3 * level)
        friend = rng.choice(PEOPLE).name
        text += f"Then {friend} brings {more} more. "
        steps.append(f"{friend} brings {more}: {left} + {more} = {left + more}.")
        left += more
    return text + f"How many {item} are left?", steps, left


def ages(level: int, rng: Random) -> Draft:
    """Draws a chain of comparisons that begins at a known age."""
    people = rng.sample(PEOPLE, level + 2)
    value = rng.randint(4, 9 + level)
    facts, steps = [f"{people[0].name} is {value} years old."], []
    for before, person in pairwise(people):
        fact, step, value = _related(before, person, value, rng)
        facts.append(fact)
        steps.append(step)
    return " ".join(facts) + f" How old is {people[-1].name}?", steps, value


def purse(level: int, rng: Random) -> Draft:
    """Draws money left after a purchase, and earned from level 2 on. Held out from training."""
    who, kind = rng.choice(PEOPLE), rng.choice(COSTLY)
    n, price = rng.randint(2, 3 + level), rng.randint(2, 4 + level)
    have = n * price + rng.randint(4, 20)
    left = have - n * price
    text = f"{who.name} has {have} dollars. "
    text += f"{who.he} buys {n} {plural(kind)} at {price} dollars each. "
    steps = [times(n, price), f"{have} - {n * price} = {left}."]
    if level > 1:
        more = rng.randint(3, 6 + 3 * level)
        text += f"Then {who.he.lower()} finds {more} more. "
        steps.append(f"{left} + {more} = {left + more}.")
        left += more
    return text + f"How many dollars does {who.name} have now?", steps, left


def shelves(level: int, rng: Random) -> Draft:
    """Draws two or three kinds of containers and asks for all items. Held out from training."""
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
    """Appends running sums to `steps`: 3, 4, 5 become "3 + 4 = 7." and "7 + 5 = 12."."""
    so_far = amounts[0]
    for amount in amounts[1:]:
        steps = [*steps, f"{so_far} + {amount} = {so_far + amount}."]
        so_far += amount
    return steps, so_far


def _related(before: Character, person: Character, value: int, rng: Random) -> tuple[str, str, int]:
    """Draws how one person's age follows from another's: the fact, the step, the age."""
    name, other = person.name, before.name
    if value <= 12 and rng.random() < 0.3:
        return f"{name} is twice as old as {other}.", f"{name} is {times(2, value)}", 2 * value
    by = rng.randint(2, 9)
    if value - by >= 3 and rng.random() < 0.4:
        fact = f"{name} is {by} years younger than {other}."
        return fact, f"{name} is {value} - {by} = {value - by}.", value - by
    fact = f"{name} is {by} years older than {other}."
    return fact, f"{name} is {value} + {by} = {value + by}.", value + by


def _listed(parts: list[str]) -> str:
    """Joins parts to "one, two and three"."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _time(minutes: int) -> str:
    """Formats minutes after midnight on a twelve-hour clock: 785 is 1:05."""
    return f"{(minutes // 60 - 1) % 12 + 1}:{minutes % 60:02d}"
