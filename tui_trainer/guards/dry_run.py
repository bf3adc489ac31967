"""A dry run: the firings that a rule would have had on measurements that are there already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tui_trainer.guards.rule import GuardRule
from tui_trainer.guards.vocabulary import Clock
from tui_trainer.guards.watch import Firing, Measurements, Watch

SHOWN = 6
"""Steps that are named in words."""


@dataclass(frozen=True, slots=True)
class SeriesColumn:
    """The values of one series on one clock: (step, value), steps ascending."""

    name: str
    clock: Clock
    points: Iterable[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class DryRun:
    """The firings of a rule on a history.

    Attributes:
        firings: each with its step and evidence; the steps after one are those without it.
        missing: names that the rule compares and the history does not have.
        since: first step of the history, where its beginning is not kept.
    """

    firings: tuple[Firing, ...]
    missing: tuple[str, ...] = ()
    since: int = 0

    @property
    def steps(self) -> list[int]:
        """The steps of the firings."""
        return [firing.step for firing in self.firings]

    def __str__(self) -> str:
        since = f" since step {self.since:,}" if self.since else ""
        if not self.firings:
            text = f"would not have fired{since}"
        else:
            count = len(self.firings)
            named = ", ".join(f"{step:,}" for step in self.steps[:SHOWN]) + (", ..." if count > SHOWN else "")
            text = f"would have fired {count} time{'s' if count > 1 else ''}{since}: "
            text += f"step{'s' if count > 1 else ''} {named}"
        if self.missing:
            text += f"; not measured yet: {', '.join(self.missing)}"
        return text


def dry_run(rule: GuardRule, measurements: Iterable[Measurements]) -> tuple[Firing, ...]:
    """Return the firings of a rule on measurements in order."""
    watch = Watch(rule)
    return tuple(firing for one in measurements if (firing := watch.take(one)) is not None)


def measurements(
    columns: Iterable[SeriesColumn],
    steps_per_epoch: int,
    findings: Mapping[int, frozenset[str]] | None = None,
) -> Iterator[Measurements]:
    """Yield columns in the order in which a live run takes them in: at one step first the steps, then the epoch.

    Args:
        findings: the findings from each of these steps on.
    """
    rows: dict[tuple[int, int], dict[str, float]] = {}
    for column in columns:
        for step, value in column.points:
            rows.setdefault((step, int(column.clock == "epochs")), {})[column.name] = value
    known = dict(findings or {})
    for step in known:
        rows.setdefault((step, 1), {})
    present: frozenset[str] = frozenset()
    for (step, of_epoch), values in sorted(rows.items(), key=lambda row: row[0]):
        if of_epoch:
            present = known.get(step, present)
            yield Measurements("epochs", step, round(step / steps_per_epoch), values, present)
        else:
            yield Measurements("steps", step, max(step - 1, 0) // steps_per_epoch, values)
