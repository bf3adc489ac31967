"""Results of the rows, as they pass from the process of a row to the one that prints the table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.table import aligned

HEADER = ("row", "result", "bound", "", "seconds", "note")


@dataclass(slots=True)
class Result:
    """One line of the table.

    Attributes:
        name: what was tried.
        value: what came out, as text.
        bound: what it should be; empty without one.
        holds: whether it is so; None without a bound.
        note: further numbers.
        skipped: why there is no result; empty otherwise.
        seconds: the time that it took.
    """

    name: str
    value: str = ""
    bound: str = ""
    holds: bool | None = None
    note: str = ""
    skipped: str = ""
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """The word in the table."""
        if self.skipped:
            return "skipped"
        return {True: "holds", False: "FAILS", None: ""}[self.holds]

    def write(self, path: Path) -> None:
        """Append the result to a file at once: a later one may end the process."""
        with path.open("a") as file:
            file.write(json.dumps(asdict(self)) + "\n")


def read(path: Path) -> list[Result]:
    """Return the results of a file; a last line that is not whole is left out."""
    found: list[Result] = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            found.append(Result(**json.loads(line)))
        except (ValueError, TypeError):
            break
    return found


def table(results: Iterable[Result]) -> str:
    """Return a Markdown table of the results."""
    rows = [
        (
            result.name,
            result.value or "-",
            result.bound,
            result.verdict,
            f"{result.seconds:.1f}",
            (result.skipped or result.note).replace("|", "/"),
        )
        for result in results
    ]
    return aligned(HEADER, rows)
