"""The guards of one run, and what they need from its loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tui_trainer.engine.guarding.copies import RecentCopies, RecentCopy
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.guards.rule import GuardRule, clock_of_condition
from tui_trainer.guards.vocabulary import COUNTS, series_of
from tui_trainer.guards.watch import Watch
from tui_trainer.protocol.commands import COMMANDS, AnyCommand
from tui_trainer.protocol.guards.events import GuardState

UNDONE = "its firing was undone"
SPENT = "its times are used up"


@dataclass(slots=True)
class Guard:
    """One guard.

    Attributes:
        name: its name.
        watch: its rule at work.
        on: whether it is armed.
        why_off: why it is not, in words.
        last: step of its last firing.
        command: what it sends in place of the actions of its rule: an action of the preset that waits for a condition.
    """

    name: str
    watch: Watch
    on: bool = True
    why_off: str = ""
    last: int | None = None
    command: AnyCommand | None = None

    @property
    def rule(self) -> GuardRule:
        """Its rule."""
        return self.watch.rule


class GuardSet:
    """The guards of a run by name, in the order in which they were set.

    The loop reads the plain attributes, so that a run without guards pays nothing.
    """

    def __init__(self) -> None:
        self._guards: dict[str, Guard] = {}
        self.copies: dict[int, RecentCopies] = {}
        """The copies for going back, by the number of steps."""
        self.on_steps = False
        """Whether an armed guard looks at the values of steps, or keeps copies."""
        self.on_epochs = False
        """Whether an armed guard looks at the ends of epochs."""
        self.skipping: tuple[Guard, ...] = ()
        """The armed guards that skip steps: they look at the gradients, before a weight moves."""
        self.needs_norm = False
        """Whether an armed guard compares the gradient norm."""
        self.names: frozenset[str] = frozenset()
        """The series of steps that armed guards compare."""

    def __iter__(self) -> Iterator[Guard]:
        return iter(self._guards.values())

    def __len__(self) -> int:
        return len(self._guards)

    def get(self, name: str) -> Guard | None:
        """Return the guard of a name; None where there is none."""
        return self._guards.get(name)

    def set(self, rule: GuardRule, name: str = "") -> Guard:
        """Arm a rule, in place of one of the same name."""
        if not name:
            name = next(free for index in range(1, len(self) + 2) if (free := f"guard-{index}") not in self._guards)
        self._guards[name] = guard = Guard(name, Watch(rule))
        self.settle()
        return guard

    def remove(self, name: str) -> None:
        """Remove a guard."""
        del self._guards[name]
        self.settle()

    def clear(self) -> None:
        """Remove all guards."""
        self._guards.clear()
        self.settle()

    def switch(self, guard: Guard, *, on: bool, why: str = "") -> None:
        """Arm a guard, or switch it off; one that is armed again begins with all its times."""
        if on and not guard.on:
            guard.watch = Watch(guard.rule)
        guard.on, guard.why_off = on, "" if on else why
        self.settle()

    def settle(self) -> None:
        """Take in what the armed guards need."""
        armed = [guard for guard in self if guard.on]
        self.skipping = tuple(guard for guard in armed if guard.rule.skips)
        others = [guard.rule for guard in armed if not guard.rule.skips]
        clocks = {clock_of_condition(one) for rule in others for one in rule.conditions}
        reaches = {rule.reach for rule in others if rule.reach}
        self.copies = {reach: self.copies.get(reach, RecentCopies(reach)) for reach in sorted(reaches)}
        self.on_epochs = bool(others)
        names = {series_of(name) for rule in others for name in rule.metrics} - COUNTS.keys()
        self.names = frozenset(names)
        self.on_steps = "steps" in clocks or bool(reaches) or bool(names)
        self.needs_norm = any("grad_norm" in guard.rule.metrics for guard in armed)

    @property
    def states(self) -> tuple[GuardState, ...]:
        """The guards as an event tells them."""
        return tuple(
            GuardState(
                name=guard.name,
                rule=str(guard.rule),
                on=guard.on,
                why_off=guard.why_off,
                fired=guard.watch.fired,
                left=guard.watch.times_left,
                last=guard.last,
                bytes=self.copies[guard.rule.reach].bytes if guard.rule.reach in self.copies else 0,
            )
            for guard in self
        )

    # -- state ------------------------------------------------------------------------------------------------------

    def state_dict(self) -> list[dict[str, Any]]:
        """Return the guards and what they have seen, for JSON."""
        return [
            {
                "name": guard.name,
                "rule": str(guard.rule),
                "on": guard.on,
                "why_off": guard.why_off,
                "last": guard.last,
                "watch": guard.watch.state_dict(),
                **({"command": guard.command.model_dump(mode="json")} if guard.command is not None else {}),
            }
            for guard in self
        ]

    def load_state_dict(self, saved: Iterable[Mapping[str, Any]]) -> None:
        """Replace the guards by those that `state_dict` returned."""
        self._guards.clear()
        for one in saved:
            guard = Guard(str(one["name"]), Watch(parse_rule(str(one["rule"]))), bool(one["on"]), str(one["why_off"]))
            guard.last = None if one["last"] is None else int(one["last"])
            guard.watch.load_state_dict(one["watch"])
            if "command" in one:
                guard.command = COMMANDS.validate_python(one["command"])
            self._guards[guard.name] = guard
        self.settle()

    def rewind(self, saved: Iterable[Mapping[str, Any]]) -> None:
        """Go back to what the guards had seen; those that were set since begin again, and which are armed stays."""
        known = {str(one["name"]): one for one in saved}
        for guard in self:
            one = known.get(guard.name)
            guard.watch, guard.last = Watch(guard.rule), None
            if one is not None and one["rule"] == str(guard.rule):
                guard.watch.load_state_dict(one["watch"])
                guard.last = None if one["last"] is None else int(one["last"])
        self.settle()

    def copies_state_dict(self) -> list[dict[str, Any]]:
        """Return the copies as trees; their tensors are never written to."""
        return [
            {
                "reach": reach,
                "copies": [{"step": one.step, "tree": one.tree, "bytes": one.bytes} for one in kept.copies],
            }
            for reach, kept in self.copies.items()
        ]

    def load_copies(self, saved: Iterable[Mapping[str, Any]]) -> None:
        """Continue with the copies that `copies_state_dict` returned, as far as a guard needs them."""
        for one in saved:
            reach = int(one["reach"])
            if reach in self.copies:
                kept = [RecentCopy(int(each["step"]), each["tree"], int(each["bytes"])) for each in one["copies"]]
                self.copies[reach] = RecentCopies(reach, kept)

    def left_behind(self, step: int) -> None:
        """Drop the copies after a step: the run went back to it, or to a checkpoint of it, and left them."""
        for kept in self.copies.values():
            kept.forget_after(step)

    def kept_copies(self) -> dict[int, tuple[RecentCopy, ...]]:
        """Return the copies that there are now, shared with the run."""
        return {reach: tuple(kept.copies) for reach, kept in self.copies.items()}

    def restore_copies(self, copies: Mapping[int, Iterable[RecentCopy]]) -> None:
        """Go back to copies that `kept_copies` returned."""
        for reach in self.copies:
            self.copies[reach] = RecentCopies(reach, tuple(copies.get(reach, ())))
