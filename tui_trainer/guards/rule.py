"""A guard's rule: its conditions, its actions and its limits, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tui_trainer.guards.vocabulary import Clock, clock_of
from tui_trainer.text import exact

USUAL_TIMES = 5
"""Times that a guard which changes the training acts, where its rule says nothing."""
USUAL_REST = 100
"""Steps between two firings of a guard on numbers of steps, where its rule says nothing."""
MAX_SKIPS_IN_A_ROW = 10
"""Steps in a row that a guard may skip before the run stops."""


@dataclass(frozen=True, slots=True)
class NotFinite:
    """The newest value is NaN or infinite."""

    metric: str

    def __str__(self) -> str:
        return f"{quoted(self.metric)} is not finite"


@dataclass(frozen=True, slots=True)
class Compared:
    """The newest values compare with a number, or with a factor times a summary of the values before.

    Attributes:
        value: the number, or the factor of the summary.
        summary: median, mean, lowest or highest of the values before; empty for a plain number.
        of: number of values in the summary.
        count: measurements in a row that have to compare so.
        clock: unit of `of` and `count`; None where neither was given.
    """

    metric: str
    sign: str
    value: float
    summary: str = ""
    of: int = 0
    count: int = 1
    clock: Clock | None = None

    def __str__(self) -> str:
        value = exact(self.value)
        if self.summary:
            value = f"{value} x its {self.summary} of {_counted(self.of, self.clock or 'steps')}"
        during = f" for {_counted(self.count, self.clock or 'steps')}" if self.count > 1 else ""
        return f"{quoted(self.metric)} {self.sign} {value}{during}"


@dataclass(frozen=True, slots=True)
class Trend:
    """Each of the newest `count` values is above, or below, the one before it."""

    metric: str
    word: Literal["rises", "falls"]
    count: int
    clock: Clock

    def __str__(self) -> str:
        return f"{quoted(self.metric)} {self.word} {_counted(self.count, self.clock)}"


@dataclass(frozen=True, slots=True)
class NoNew:
    """None of the newest `count` values is a new low, or a new high."""

    metric: str
    word: Literal["low", "high"]
    count: int
    clock: Clock

    def __str__(self) -> str:
        return f"{quoted(self.metric)} has no new {self.word} for {_counted(self.count, self.clock)}"


@dataclass(frozen=True, slots=True)
class FindingAppears:
    """The diagnosis reports a finding that it did not report before."""

    finding: str

    def __str__(self) -> str:
        return f"finding {self.finding}"


Condition = NotFinite | Compared | Trend | NoNew | FindingAppears


@dataclass(frozen=True, slots=True)
class Simple:
    """An action of one word: pause, stop or save."""

    word: Literal["pause", "stop", "save"]

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class SkipAction:
    """The step whose gradients are there is not taken."""

    def __str__(self) -> str:
        return "skip the step"


@dataclass(frozen=True, slots=True)
class GoBack:
    """Weights and optimizer return to what they were, `steps` ago or at the best epoch (0)."""

    steps: int

    def __str__(self) -> str:
        return f"roll back {_counted(self.steps, 'steps')}" if self.steps else "roll back to best"


@dataclass(frozen=True, slots=True)
class Setting:
    """The learning rate, or a knob, is set or multiplied.

    Attributes:
        name: `lr`, or the name of a knob.
        factor: whether `value` multiplies the present value.
    """

    name: str
    value: float | str | bool
    factor: bool = False

    def __str__(self) -> str:
        if self.factor:
            assert not isinstance(self.value, str)
            return f"{quoted(self.name)} x{exact(self.value)}"
        if isinstance(self.value, bool):
            return f"{quoted(self.name)} = {'on' if self.value else 'off'}"
        return f"{quoted(self.name)} = {self.value if isinstance(self.value, str) else exact(self.value)}"


@dataclass(frozen=True, slots=True)
class NoteAction:
    """A note on the charts."""

    text: str

    def __str__(self) -> str:
        return f'note "{self.text}"'


Action = Simple | SkipAction | GoBack | Setting | NoteAction


@dataclass(frozen=True, slots=True)
class GuardRule:
    """One guard: when all conditions hold, the actions are taken in order.

    Attributes:
        times: most firings; None where the rule says nothing.
        then: what happens when the conditions hold once more; empty where the rule says nothing.
        rest: steps or epochs after a firing in which it does not fire; None where the rule says nothing.
        rest_clock: unit of `rest`.
    """

    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    times: int | None = None
    then: str = ""
    rest: int | None = None
    rest_clock: Clock = "steps"

    def __str__(self) -> str:
        parts = [str(action) for action in self.actions]
        if self.times is not None:
            parts.append(f"at most {self.times} time{'s' if self.times != 1 else ''}")
        if self.then:
            parts.append(f"then {self.then}")
        if self.rest is not None:
            parts.append(f"cool-down {_counted(self.rest, self.rest_clock)}")
        return f"when {' and '.join(str(condition) for condition in self.conditions)}: {', '.join(parts)}"

    @property
    def skips(self) -> bool:
        """Whether it takes the gradients of a step away."""
        return any(isinstance(action, SkipAction) for action in self.actions)

    @property
    def reach(self) -> int:
        """Steps that it goes back; 0 for none."""
        return max((action.steps for action in self.actions if isinstance(action, GoBack)), default=0)

    @property
    def _goes_back(self) -> bool:
        return any(isinstance(action, GoBack) for action in self.actions)

    @property
    def most(self) -> int | None:
        """Most firings; None for no limit."""
        changes = self._goes_back or any(isinstance(action, Setting) for action in self.actions)
        return self.times if self.times is not None else USUAL_TIMES if changes else None

    @property
    def last_resort(self) -> str:
        """The action when the conditions hold after the last firing: a run that goes back again and again stops."""
        return self.then or ("stop" if self._goes_back or self.skips else "nothing")

    @property
    def resting(self) -> tuple[int, Clock]:
        """Steps or epochs after a firing in which it does not fire."""
        if self.rest is not None:
            return self.rest, self.rest_clock
        by_epochs = any(
            isinstance(one, FindingAppears) or clock_of_condition(one) == "epochs" for one in self.conditions
        )
        return (0 if by_epochs or self.skips else max(USUAL_REST, self.reach), "steps")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names that its conditions compare, as they are written."""
        return tuple(dict.fromkeys(one.metric for one in self.conditions if not isinstance(one, FindingAppears)))


def clock_of_condition(condition: Condition) -> Clock:
    """Return whether a condition looks at the values of steps or at those of epochs."""
    if isinstance(condition, FindingAppears):
        return "epochs"
    given = None if isinstance(condition, NotFinite) else condition.clock
    return given or clock_of(condition.metric)


def quoted(name: str) -> str:
    """Return a name as it is written: in quotes where it has a sign that the grammar uses."""
    plain = bool(name) and not any(sign in name for sign in ' ":,=<>')
    return name if plain else f'"{name}"'


def _counted(count: int, clock: Clock) -> str:
    return f"{count} {clock if count != 1 else clock[:-1]}"
