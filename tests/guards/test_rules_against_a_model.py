"""Random rules on random histories, against a small model that reads the whole history at every measurement."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tui_trainer.guards.dry_run import dry_run
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.guards.vocabulary import Clock
from tui_trainer.guards.watch import Measurements

SUMMARIES: dict[str, Callable[[list[float]], float]] = {
    "median": statistics.median,
    "mean": lambda values: math.fsum(values) / len(values),
    "lowest": min,
    "highest": max,
}
SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: math.isnan(a) or a > b,
    ">=": lambda a, b: math.isnan(a) or a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def above(one: float, other: float) -> bool:
    """NaN is above all numbers."""
    return not math.isnan(other) and (math.isnan(one) or one > other)


@dataclass(frozen=True)
class Condition:
    """A condition: its words, what it looks at, and the values after which it holds.

    Attributes:
        holds: takes all values and the number of them that came before the last firing.
    """

    text: str
    at: Clock
    name: str
    holds: Callable[[list[float], int], bool]


def comparison(draw: random.Random, metric: str, name: str, at: Clock) -> Condition:
    sign, row = draw.choice(list(SIGNS)), draw.randint(1, 3)
    limit = round(draw.uniform(0.5, 1.5), 2)
    during = f" for {row} {at}" if row > 1 else ""
    if draw.random() < 0.5:

        def plain(values: list[float], begin: int) -> bool:
            return len(values) - begin >= row and all(SIGNS[sign](value, limit) for value in values[-row:])

        return Condition(f"{metric} {sign} {limit}{during}", at, name, plain)
    summary, of = draw.choice(list(SUMMARIES)), draw.randint(2, 6)

    def compared(values: list[float], begin: int) -> bool:
        def one(index: int) -> bool:
            before = [value for value in values[:index] if math.isfinite(value)][-of:]
            return len(before) == of and SIGNS[sign](values[index], limit * SUMMARIES[summary](before))

        return len(values) - begin >= row and all(one(index) for index in range(len(values) - row, len(values)))

    return Condition(f"{metric} {sign} {limit} x its {summary} of {of} {at}{during}", at, name, compared)


def trend(draw: random.Random, metric: str, name: str, at: Clock) -> Condition:
    word, count = draw.choice(("rises", "falls")), draw.randint(1, 3)

    def holds(values: list[float], begin: int) -> bool:
        if len(values) - max(begin, 1) < count:
            return False
        pairs = zip(values[-count - 1 :], values[-count:], strict=False)
        return all(above(b, a) if word == "rises" else above(a, b) for a, b in pairs)

    return Condition(f"{metric} {word} {count} {at}", at, name, holds)


def no_new(draw: random.Random, metric: str, name: str, at: Clock) -> Condition:
    word, count = draw.choice(("low", "high")), draw.randint(1, 5)

    def holds(values: list[float], begin: int) -> bool:
        best = 0
        for index, value in enumerate(values):
            if index and (
                above(values[best], value) if word == "low" else above(value, values[best]) and math.isfinite(value)
            ):
                best = index
        return len(values) > begin and len(values) - max(best + 1, begin) >= count

    return Condition(f"{metric} has no new {word} for {count} {at}", at, name, holds)


def not_finite(draw: random.Random, metric: str, name: str, at: Clock) -> Condition:
    return Condition(
        f"{metric} is not finite", at, name, lambda values, begin: len(values) > begin and not math.isfinite(values[-1])
    )


def a_condition(draw: random.Random) -> Condition:
    known: list[tuple[str, str, Clock]] = [
        ("loss", "train_loss", "steps"),
        ("grad_norm", "grad_norm", "steps"),
        ("val_loss", "val_loss", "epochs"),
    ]
    metric, name, at = draw.choice(known)
    return draw.choice((comparison, comparison, trend, no_new, not_finite))(draw, metric, name, at)


@dataclass
class Rule:
    """A rule of the model."""

    conditions: list[Condition]
    most: int
    rest: int
    rest_clock: Clock
    then: str
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = (
            f"when {' and '.join(one.text for one in self.conditions)}: lr x0.5, at most {self.most} times, "
            f"then {self.then}, cool-down {self.rest} {self.rest_clock}"
        )

    def firings(self, history: list[Measurements]) -> list[tuple[int, str]]:
        """Return step and resort of each firing."""
        seen: list[list[float]] = [[] for _ in self.conditions]
        begins = [0 for _ in self.conditions]
        fired: list[tuple[int, str]] = []
        last: tuple[int, int] | None = None
        for measured in history:
            new = [one.at == measured.at and one.name in measured.values for one in self.conditions]
            for one, values, is_new in zip(self.conditions, seen, new, strict=True):
                if is_new:
                    values.append(measured.values[one.name])
            holds = [one.holds(values, begin) for one, values, begin in zip(self.conditions, seen, begins, strict=True)]
            since = (
                -1
                if last is None
                else (measured.epoch - last[1] if self.rest_clock == "epochs" else measured.step - last[0])
            )
            if not any(new) or not all(holds) or (last is not None and since < self.rest):
                continue
            last = measured.step, measured.epoch
            if len(fired) == self.most:
                return fired if self.then == "nothing" else [*fired, (measured.step, self.then)]
            fired.append((measured.step, ""))
            begins = [len(values) for values in seen]
        return fired


def a_rule(draw: random.Random) -> Rule:
    conditions = [a_condition(draw) for _ in range(draw.choice((1, 1, 2)))]
    clock: Clock = draw.choice(("steps", "epochs"))
    rest = draw.randint(1, 20 if clock == "steps" else 4)
    return Rule(conditions, draw.randint(2, 6), rest, clock, draw.choice(("stop", "pause", "nothing")))


def a_history(draw: random.Random, epochs: int = 14, per_epoch: int = 7) -> list[Measurements]:
    def value() -> float:
        return draw.choice([draw.uniform(0, 2)] * 12 + [math.nan, math.inf])

    history: list[Measurements] = []
    for epoch in range(epochs):
        for step in range(epoch * per_epoch + 1, (epoch + 1) * per_epoch + 1):
            values = {"train_loss": value(), **({"grad_norm": value()} if draw.random() < 0.8 else {})}
            history.append(Measurements("steps", step, epoch, values))
        ended = {"train_loss": value(), **({"val_loss": value()} if draw.random() < 0.9 else {})}
        history.append(Measurements("epochs", (epoch + 1) * per_epoch, epoch + 1, ended))
    return history


@pytest.mark.parametrize("seed", range(20))
def test_random_rules_fire_as_the_model_does(seed: int) -> None:
    draw = random.Random(seed)
    fired = 0
    for _ in range(40):
        rule, history = a_rule(draw), a_history(draw)
        expected = rule.firings(history)
        found = [(firing.step, firing.resort) for firing in dry_run(parse_rule(rule.text), history)]
        assert found == expected, rule.text
        fired += len(expected)
    assert fired > 40
