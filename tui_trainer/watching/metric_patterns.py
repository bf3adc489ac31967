"""Patterns of the user for numbers in the output, and what there is to say of one that finds none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tui_trainer.errors import UserError
from tui_trainer.state.series_names import MAX_NAME
from tui_trainer.text import visible
from tui_trainer.watching.patterns import series_of

LINES = 200
"""Lines after which a pattern that matched none of them is said to have matched none."""


@dataclass(slots=True)
class Metric:
    """A pattern of the user: a name and a regular expression with one group around the number.

    Attributes:
        name: the series.
        typed: as it was typed, NAME=REGEX.
        pattern: the expression.
        found: whether a number was found with it.
        wrong: the first text that matched and is no number.
    """

    name: str
    typed: str
    pattern: re.Pattern[str]
    found: bool = False
    wrong: str = ""

    def find(self, line: str) -> float | None:
        """Return the number in a line; None where there is none."""
        match = self.pattern.search(line)
        if match is None or not match[1]:
            return None
        try:
            value = float(match[1].replace(",", ""))
        except ValueError:
            self.wrong = self.wrong or match[1]
            return None
        self.found = True
        return value


def parse_metric(text: str) -> Metric:
    """Return the metric of `NAME=REGEX`. Raises `UserError` for anything else."""
    name, equals, expression = text.partition("=")
    name = name.strip()
    if not equals or not name or not expression:
        raise UserError(f"--metric {text!r}: write NAME=REGEX, such as 'loss=loss: ([0-9.e+-]+)'")
    if len(name) > MAX_NAME or visible(name) != name:
        raise UserError(f"--metric {text!r}: the name is printable text of at most {MAX_NAME} characters")
    if "" in name.split("/"):
        raise UserError(f"--metric {text!r}: the name {name!r} has an empty part beside a slash; write GROUP/NAME")
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise UserError(f"--metric {text!r}: the expression is wrong at character {error.pos}: {error.msg}") from None
    if pattern.groups < 1:
        raise UserError(f"--metric {text!r}: put the number in parentheses, such as 'loss=loss: ([0-9.e+-]+)'")
    return Metric(series_of(name), text, pattern)


class MetricPatterns:
    """The patterns of the user, and a word to the user on each that finds nothing.

    Args:
        texts: as they were typed.
        say: takes a line for the log.
    """

    def __init__(self, texts: Iterable[str], say: Callable[[str], None]) -> None:
        self.all = [parse_metric(text) for text in texts]
        self._say = say
        self._lines = 0
        self._said: set[str] = set()

    def line_read(self) -> None:
        """Take in that the patterns were tried on a line; say so where one has found nothing for long."""
        if not self.all:
            return
        self._lines += 1
        for metric in self.all:
            if metric.wrong and not metric.found:
                self._once(metric, f"matched {visible(metric.wrong)[:40]!r}, which is no number")
            elif not metric.found and self._lines == LINES:
                self._once(metric, f"no match in the first {LINES} lines")

    def end(self) -> None:
        """Say which patterns found no number in all of the output."""
        for metric in self.all:
            if not metric.found:
                self._once(metric, "no match in the output")

    def _once(self, metric: Metric, text: str) -> None:
        if metric.typed not in self._said:
            self._said.add(metric.typed)
            self._say(f"--metric {visible(metric.typed)!r}: {text}")
