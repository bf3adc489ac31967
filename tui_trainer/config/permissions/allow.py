"""Permissions as a preset writes them: commands, bounds, the largest change and the cool-down of a kind of sender."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from tui_trainer.components.base import NonNegative, Real, Whole

ALL = "all"
"""Stands for every command."""
NONE = "none"
"""Stands for no command."""
KINDS = ("person", "script", "agent")


def _split(given: object) -> object:
    """Return the names in a text that a command line or a preset holds: "set-lr, pause"."""
    if not isinstance(given, str):
        return given
    names = [name.strip() for name in given.split(",") if name.strip()]
    return [] if names == [NONE] else names


def _growing(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"the lowest, {bounds[0]:g}, is above the highest, {bounds[1]:g}")
    return bounds


def _factor(value: float) -> float:
    if 0 < value <= 1:
        raise ValueError("must be above 1, as in factor = 2, or 0 for no limit")
    return value


Bounds = Annotated[tuple[Real, Real], AfterValidator(_growing)]
"""The lowest and the highest value that are allowed."""


class Allowance(BaseModel):
    """The permissions of one kind of sender. A list of commands alone stands for a table with it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    commands: Annotated[tuple[str, ...], BeforeValidator(_split)] = (ALL,)
    """Commands by their names on the command line; "all" for every one, "none" for none."""
    lr: Bounds | None = None
    """Lowest and highest learning rate that may be set, coming rates of a new schedule included."""
    knobs: dict[str, Bounds] = {}
    """Lowest and highest value of knobs, by name. Settings of the optimizer and the clip count as knobs."""
    factor: Annotated[NonNegative, AfterValidator(_factor)] = 0.0
    """Largest factor by which one command changes a number; 0 for no limit."""
    cool_down: NonNegative = 0.0
    """Seconds between two changes of this kind of sender."""
    cool_down_steps: Whole = 0
    """Steps between two changes of this kind of sender."""
    snapshot: bool = False
    """Refuse changes of a run that is too large for a copy, to which an undo could go back."""
    reason: bool = False
    """Refuse commands without a reason."""
    undo_others: bool = True
    """Allow an undo of what another kind of sender did."""

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: Any) -> Any:
        return {"commands": given} if isinstance(given, str | list | tuple) else given

    @model_serializer(mode="wrap")
    def _what_differs(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {name: value for name, value in handler(self).items() if getattr(self, name) != fields[name].default}

    def is_default(self, rule: str) -> bool:
        """Return whether a rule is that of this kind of sender where nothing is said."""
        name = rule.partition(".")[0]
        return getattr(self, name) == type(self).model_fields[name].default


class AgentAllowance(Allowance):
    """The permissions of agents: narrow ones where nothing is said."""

    commands: Annotated[tuple[str, ...], BeforeValidator(_split)] = (
        "pause", "resume", "step", "set-lr", "set-clip", "set-patience", "validate", "answers", "save", "undo", "note",
        "give-wheel",
    )  # fmt: skip
    factor: Annotated[NonNegative, AfterValidator(_factor)] = 2.0
    cool_down: NonNegative = 30.0
    snapshot: bool = True
    reason: bool = True
    undo_others: bool = False


class Allow(BaseModel):
    """The permissions of persons, scripts and agents; kinds of which nothing is said keep the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    person: Allowance = Allowance()
    script: Allowance = Allowance()
    agent: AgentAllowance = AgentAllowance()
    _place: str = PrivateAttr(default="run.toml")

    @property
    def place(self) -> str:
        """The place where the rules stand, for refusals."""
        return self._place

    def found_in(self, place: str) -> Allow:
        """Return the same permissions with another place where they stand."""
        found = self.model_copy()
        found._place = place
        return found

    def of(self, actor: str) -> Allowance | None:
        """Return the permissions of a kind of sender; None for the program itself, which has no limits."""
        return getattr(self, actor) if actor in KINDS else None

    @model_serializer(mode="wrap")
    def _what_is_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value}

    def over(self, base: Allow) -> Allow:
        """Return these permissions, with those of `base` for the kinds of which nothing is said here."""
        said = {name: getattr(self, name) for name in KINDS if name in self.model_fields_set}
        return base.model_copy(update=said)


AllowField = Annotated[Allow, Field(exclude_if=lambda allow: allow == Allow())]


def as_overrides(rules: tuple[str, ...]) -> list[str]:
    """Return the KEY=VALUEs of a configuration for `--allow` rules: `agent=set-lr,pause` or `agent.factor=3`."""
    overrides: list[str] = []
    for rule in rules:
        key, equals, value = rule.partition("=")
        key = f"{key.strip()}.commands" if key.strip() in KINDS else key.strip()
        overrides.append(f"allow.{key}{equals}{value}")
    return overrides


def with_tables(table: dict[str, Any]) -> dict[str, Any]:
    """Return the table of a preset in which lists of commands are tables, so that single rules can be changed."""
    allow = table.get("allow")
    if not isinstance(allow, dict):
        return table
    kinds = {
        kind: {"commands": rules} if kind in KINDS and isinstance(rules, str | list | tuple) else rules
        for kind, rules in allow.items()
    }
    return {**table, "allow": kinds}
