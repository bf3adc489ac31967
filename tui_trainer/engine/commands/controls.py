"""Knobs and actions: the controls that a loop declares, a script's or the built-in one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.protocol.knobs import MAX_KNOB_NAME, Knob, KnobValue
from tui_trainer.text import visible

MAX_CONTROLS = 200
"""Knobs, and actions, that a loop may declare."""


def _never() -> str:
    return ""


@dataclass(slots=True)
class _Declared:
    """A knob with its ways to the loop."""

    knob: Knob
    get: Callable[[], Any]
    set: Callable[[Any], Any]
    choices: dict[str, Any]
    refused: Callable[[], str]


def value_of(given: Any) -> KnobValue:
    """Return what a script holds as a knob's value: a number, a switch or a text."""
    if isinstance(given, (bool, int, float, str)) and type(given) in (bool, int, float, str):
        return given
    item = getattr(given, "item", None)
    return value_of(item()) if callable(item) else str(given)


class Controls:
    """The knobs and actions of one loop, by name, in the order in which they were declared."""

    def __init__(self) -> None:
        self._knobs: dict[str, _Declared] = {}
        self.actions: dict[str, Callable[[], Any]] = {}

    def knob(
        self,
        name: str,
        get: Callable[[], Any],
        set: Callable[[Any], Any],
        *,
        low: float | None = None,
        high: float | None = None,
        scale: Literal["linear", "log"] = "linear",
        choices: Sequence[Any] = (),
        unit: str = "",
        step: float = 0.0,
        refused: Callable[[], str] = _never,
    ) -> None:
        """Declare a knob, or declare it again. Raises `ValueError` if it cannot be one.

        Args:
            refused: returns why it cannot be set now; empty where it can.
        """
        self._check(name, self._knobs)
        present = get()
        value = value_of(present)
        if scale not in ("linear", "log"):
            raise ValueError(f"knob {name!r}: scale is linear or log, not {scale!r}")
        if scale == "log" and low is not None and low <= 0:
            raise ValueError(f"knob {name!r}: a logarithmic scale begins above 0; low is {low}")
        if low is not None and high is not None and low > high:
            raise ValueError(f"knob {name!r}: low {low} is above high {high}")
        if isinstance(value, str) and not choices:
            raise ValueError(f"knob {name!r}: its value is a text; give the texts that are allowed as choices=")
        described = Knob(
            name=name,
            value=value,
            low=low,
            high=high,
            scale=scale,
            choices=tuple(visible(str(choice)) for choice in choices),
            unit=visible(unit),
            step=step,
            whole=type(value) is int and all(isinstance(one or 0, int) for one in (low, high, step)),
        )
        self._knobs[name] = _Declared(
            described, get, set, {visible(str(choice)): choice for choice in choices}, refused
        )

    def action(self, name: str, run: Callable[[], Any]) -> None:
        """Declare an action. Raises `ValueError` if it cannot be one."""
        self._check(name, self.actions)
        if not callable(run):
            raise ValueError(f"action {name!r}: give a function without arguments")
        self.actions[name] = run

    def _check(self, name: str, known: Iterable[str]) -> None:
        if not name.strip() or len(name) > MAX_KNOB_NAME or visible(name) != name:
            raise ValueError(f"{name!r:.60}: a name is printable text of at most {MAX_KNOB_NAME} characters")
        if name not in known and len(list(known)) >= MAX_CONTROLS:
            raise ValueError(f"{name!r} would be one of more than {MAX_CONTROLS} controls")

    @property
    def has_knobs(self) -> bool:
        """Whether the script declares any; nothing of the script is called."""
        return bool(self._knobs)

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """Every knob with its present value, as the script has it."""
        return tuple(self._read(declared) for declared in self._knobs.values())

    def _read(self, declared: _Declared) -> Knob:
        try:
            value, refused = value_of(declared.get()), declared.refused()
        except Exception:  # noqa: BLE001 - a getter of the script may fail in any way
            return declared.knob
        if value != declared.knob.value or refused != declared.knob.refused:
            declared.knob = declared.knob.model_copy(update={"value": value, "refused": refused})
        return declared.knob

    def values(self) -> dict[str, KnobValue]:
        """Return the present value of every knob that can be set."""
        return {knob.name: knob.value for knob in self.knobs if not knob.refused}

    def set(self, name: str, value: KnobValue) -> tuple[Knob, KnobValue]:
        """Set a knob. Returns it as it was read back, and its value before.

        Raises:
            UserError: there is no such knob, the value is not allowed, or the loop refuses it.
        """
        declared = self._knobs.get(name)
        if declared is None:
            known = did_you_mean(name, self._knobs) if self._knobs else "this script declares none"
            raise UserError(f"no knob {name!r}; {known}")
        before = self._read(declared)
        problem = before.refused or before.problem(value)
        if problem:
            raise UserError(f"{name}: {problem}")
        given = declared.choices.get(str(value), value) if declared.choices else value
        if isinstance(before.value, float) and not declared.choices:
            given = float(given)
        elif before.whole and not declared.choices:
            given = int(given)
        try:
            declared.set(given)
        except UserError as error:
            raise UserError(f"{name}: {error}") from None
        except Exception as error:  # noqa: BLE001
            raise UserError(f"{name}: the script refused {before.shown(value)}: {_said(error)}") from None
        return self._read(declared), before.value

    def load(self, values: dict[str, KnobValue]) -> list[str]:
        """Set every knob to the value that it had. Returns what could not be set, a line for each."""
        problems: list[str] = []
        present = self.values()
        for name, value in values.items():
            if name in present and present[name] != value:
                try:
                    self.set(name, value)
                except UserError as error:
                    problems.append(str(error))
        return problems

    def run(self, name: str) -> None:
        """Run an action. Raises `UserError` where there is none, or it fails."""
        run = self.actions.get(name)
        if run is None:
            known = did_you_mean(name, self.actions) if self.actions else "this script declares none"
            raise UserError(f"no action {name!r}; {known}")
        try:
            run()
        except Exception as error:  # noqa: BLE001
            raise UserError(f"action {name}: it failed: {_said(error)}") from None


def _said(error: Exception) -> str:
    return visible(f"{type(error).__name__}: {error}"[:300])
