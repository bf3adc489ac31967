"""Parse the line of a guard, with errors that say what is allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.guards.rule import (
    Action,
    Compared,
    Condition,
    FindingAppears,
    GoBack,
    GuardRule,
    NoNew,
    NoteAction,
    NotFinite,
    Setting,
    Simple,
    SkipAction,
    Trend,
)
from tui_trainer.guards.vocabulary import (
    COMPARISONS,
    COUNTS,
    FINDINGS,
    RESORTS,
    SUMMARIES,
    UNITS,
    Clock,
    clock_of,
    series_of,
)
from tui_trainer.text import visible

MAX_RULE = 300
"""Most characters of a rule."""
MAX_WINDOW = 10_000
"""Most values, or steps, that a condition or an action reaches back."""
EXAMPLE = "when val_loss rises 3 epochs: lr x0.5, at most 2 times"
CONDITIONS = (
    "METRIC > NUMBER", "METRIC > 3 x its median of 200 steps", "METRIC rises 3 epochs",
    "METRIC has no new low for 5 epochs", "METRIC is not finite", "finding NAME",
)  # fmt: skip
ACTIONS = (
    "pause", "stop", "save", "lr x0.5", "lr = 0.01", "KNOB = VALUE", "skip the step", "roll back 100 steps",
    "roll back to best", 'note "TEXT"',
)  # fmt: skip
ACTION_WORDS = ("pause", "stop", "save", "lr", "skip", "roll", "note", "at", "then", "cool-down")

_TOKEN = re.compile(r'"[^"]*"|>=|<=|[><=,:]|[^\s",:<>=]+')


class _Words:
    """The words of one part of a rule, taken one after another."""

    def __init__(self, words: list[str], part: str) -> None:
        self._words, self.part = words, part

    @property
    def next(self) -> str:
        """The coming word, in small letters; empty at the end."""
        return self._words[0].lower() if self._words else ""

    def take(self) -> str:
        """Return the next word, without quotes; empty at the end."""
        return self._words.pop(0).strip('"') if self._words else ""

    def accept(self, *words: str) -> bool:
        """Take these words where they come next."""
        found = tuple(word.lower() for word in self._words[: len(words)]) == words
        if found:
            del self._words[: len(words)]
        return found

    def count(self) -> int:
        """Take a whole number of at least 1."""
        given = self.take()
        if not re.fullmatch(r"\d{1,9}", given) or not 1 <= int(given) <= MAX_WINDOW:
            raise UserError(f"{self.part!r}: a whole number from 1 to {MAX_WINDOW:,} is needed, not {given!r}")
        return int(given)

    def unit(self) -> Clock:
        """Take `steps` or `epochs`."""
        given = self.take()
        if given.lower() not in UNITS:
            raise UserError(f"{self.part!r}: steps or epochs are counted, not {given!r}; write for example 3 epochs")
        return UNITS[given.lower()]

    def number(self) -> float:
        """Take a finite number."""
        given = self.take()
        value = as_number(given)
        if value is None:
            raise UserError(f"{self.part!r}: a number is needed, not {given!r}")
        return value

    def end(self) -> None:
        """Refuse words that are left."""
        if self._words:
            raise UserError(f"{self.part!r}: {' '.join(self._words)!r} is left over")


def as_number(text: str) -> float | None:
    """Return a finite number, None for any other text."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def parse_rule(text: str, known: Collection[str] | None = None) -> GuardRule:
    """Return the rule of one line.

    Args:
        known: names of metrics; others without a slash are refused. None accepts any name.

    Raises:
        UserError: the line is no rule; the message says what is allowed.
    """
    text = checked_line(text)
    parts = _parts(_tokens(text))
    head, tail = parts[0], parts[1:]
    if head[:1] != ["when"] or not tail:
        raise UserError(f"{text!r} is no guard: write when CONDITION: ACTION, for example {EXAMPLE!r}")
    conditions = _conditions(head[1:], known)
    rule = _with_actions(conditions, tail, text)
    _check(rule, text)
    return rule


def parse_conditions(text: str, known: Collection[str] | None = None) -> tuple[Condition, ...]:
    """Return the conditions of one line, without `when`: "val_loss rises 3 epochs and epoch >= 5".

    Raises:
        UserError: the line is none; the message says what is allowed.
    """
    tokens = _tokens(checked_line(text))
    return _conditions(tokens[1:] if tokens[:1] == ["when"] else tokens, known)


def checked_line(text: str) -> str:
    """Return a text on one line. Raises `UserError` where it is too long, or has characters that cannot be printed."""
    text = " ".join(text.split())
    if len(text) > MAX_RULE:
        raise UserError(f"a guard has at most {MAX_RULE} characters; this one has {len(text)}: {text[:60]!r}...")
    if visible(text) != text:
        raise UserError(f"{visible(text)!r}: a guard has printable characters only")
    return text


def _tokens(text: str) -> list[str]:
    if text.count('"') % 2:
        raise UserError(f"{text!r}: a quotation mark is missing")
    return _TOKEN.findall(text)


def _parts(tokens: list[str]) -> list[list[str]]:
    """Return the words before the first colon, and those between commas after it."""
    parts: list[list[str]] = [[]]
    for token in tokens:
        if (token == ":" and len(parts) == 1) or (token == "," and len(parts) > 1):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _conditions(tokens: list[str], known: Collection[str] | None) -> tuple[Condition, ...]:
    found: list[list[str]] = [[]]
    for token in tokens:
        if token.lower() == "and":
            found.append([])
        else:
            found[-1].append(token)
    return tuple(_condition(_Words(words, " ".join(words)), known) for words in found)


def _condition(words: _Words, known: Collection[str] | None) -> Condition:
    if words.next == "finding":
        words.take()
        return _finding(words)
    metric = words.take()
    if not metric or metric in (",", ":", "=", *COMPARISONS):
        raise UserError(f"{words.part!r}: the name of a metric is missing; a condition is one of {_listed(CONDITIONS)}")
    _check_metric(metric, known, words.part)
    condition = _of_metric(metric, words)
    words.end()
    return condition


def _of_metric(metric: str, words: _Words) -> Condition:
    if words.accept("is", "not", "finite"):
        return NotFinite(metric)
    if words.accept("rises"):
        return Trend(metric, "rises", words.count(), _unit_of(metric, words))
    if words.accept("falls"):
        return Trend(metric, "falls", words.count(), _unit_of(metric, words))
    if words.accept("has", "no", "new", "low", "for"):
        return NoNew(metric, "low", words.count(), _unit_of(metric, words))
    if words.accept("has", "no", "new", "high", "for"):
        return NoNew(metric, "high", words.count(), _unit_of(metric, words))
    if words.next in COMPARISONS:
        return _compared(metric, words)
    raise UserError(f"{words.part!r} is no condition; one of {_listed(CONDITIONS)} is")


def _compared(metric: str, words: _Words) -> Compared:
    sign = words.take()
    value, summary, of, clock = 1.0, "", 0, None
    if words.next != "its":
        given = words.take()
        glued = given[:-1] if given[-1:] in "x×" else given
        number = as_number(glued)
        if number is None:
            raise UserError(
                f"{words.part!r}: a number is needed after {sign}, not {given!r}; or 3 x its median of 200 steps"
            )
        value = number
        times = given != glued or words.accept("x") or words.accept("×") or words.accept("times")
        if times and words.next != "its":
            raise UserError(f"{words.part!r}: {value:g} x what? Write {value:g} x its median of 200 steps")
    if words.accept("its"):
        summary = words.take().lower()
        if summary not in SUMMARIES:
            raise UserError(f"{words.part!r}: no summary {summary!r}; {did_you_mean(summary, SUMMARIES)}")
        if not words.accept("of"):
            raise UserError(f"{words.part!r}: say of how many values, as in its {summary} of 200 steps")
        of, clock = words.count(), _unit_of(metric, words)
    count = 1
    if words.accept("for"):
        count, unit = words.count(), _unit_of(metric, words)
        if clock is not None and unit != clock:
            raise UserError(f"{words.part!r}: count both in {clock}, or both in {unit}")
        clock = unit if count > 1 else clock
    return Compared(metric, sign, value, summary, of, count, clock)


def _unit_of(metric: str, words: _Words) -> Clock:
    unit = words.unit()
    if unit == "steps" and clock_of(metric) == "epochs":
        raise UserError(f"{words.part!r}: {metric} is measured once an epoch; count epochs")
    if unit == "epochs" and clock_of(metric) == "steps" and series_of(metric) != "train_loss":
        raise UserError(f"{words.part!r}: {metric} is measured at steps; count steps")
    return unit


def _finding(words: _Words) -> FindingAppears:
    given = words.take()
    name = given.upper()
    if name not in FINDINGS:
        raise UserError(f"{words.part!r}: no finding {given!r}; {did_you_mean(name, FINDINGS)}")
    words.end()
    return FindingAppears(name)


def _check_metric(name: str, known: Collection[str] | None, part: str) -> None:
    if known is None or "/" in name or name in COUNTS or series_of(name) in known:
        return
    raise UserError(f"{part!r}: no metric {name!r}; {did_you_mean(name, {*known, 'loss'})}")


def _with_actions(conditions: tuple[Condition, ...], tail: list[list[str]], text: str) -> GuardRule:
    actions: list[Action] = []
    times: int | None = None
    then, rest, clock = "", None, "steps"
    for tokens in tail:
        words = _Words(tokens, " ".join(tokens))
        if words.accept("at", "most"):
            times = words.count()
            if not (words.accept("times") or words.accept("time")):
                raise UserError(f"{words.part!r}: write at most {times} times")
        elif words.next in ("cool-down", "cooldown", "cool"):
            words.take()
            words.accept("down")
            rest, clock = words.count(), words.unit()
        elif words.next != "then":
            actions.append(_action(words))
        if words.accept("then"):
            then = words.take().lower()
            if then not in RESORTS:
                raise UserError(f"{words.part!r}: then {then!r}; {did_you_mean(then, RESORTS)}")
        words.end()
    if not actions:
        raise UserError(f"{text!r}: no action; one of {_listed(ACTIONS)} is")
    return GuardRule(conditions, tuple(actions), times, then, rest, clock)


def _action(words: _Words) -> Action:
    match words.next:
        case "pause" | "stop" | "save" as word:
            words.take()
            return Simple(word)
        case "skip":
            words.take()
            words.accept("the")
            if not words.accept("step"):
                raise UserError(f"{words.part!r}: write skip the step")
            return SkipAction()
        case "roll":
            words.take()
            words.accept("back")
            if words.accept("to", "best"):
                return GoBack(0)
            steps = words.count()
            if words.unit() != "steps":
                raise UserError(f"{words.part!r}: a roll-back counts steps")
            return GoBack(steps)
        case "note":
            words.take()
            said = words.take()
            if not said:
                raise UserError(f'{words.part!r}: write note "TEXT"')
            return NoteAction(said)
        case _:
            return _setting(words)


def _setting(words: _Words) -> Setting:
    words.accept("set")
    name = words.take()
    if words.accept("="):
        given = words.take()
        value: float | str | bool | None = {"on": True, "off": False}.get(given.lower(), as_number(given))
        if value is None:
            value = given
        if not given or (name == "lr" and (isinstance(value, (str, bool)) or value <= 0)):
            raise UserError(f"{words.part!r}: write {name} = NUMBER" + (" above 0" if name == "lr" else ""))
        return Setting(name, value)
    factor = words.take()
    if factor in ("x", "×", "/", "÷"):
        factor += words.take()
    value = as_number(factor[1:]) if factor[:1] in ("x", "×", "/", "÷") else None
    if not name or value is None or value <= 0:
        hint = did_you_mean(name, ACTION_WORDS) if name and not factor else ""
        hint = f"; {hint}" if hint.startswith("did") else ""
        raise UserError(f"{words.part!r} is no action{hint}; one of {_listed(ACTIONS)} is")
    return Setting(name, 1 / value if factor[0] in "/÷" else value, factor=True)


def _check(rule: GuardRule, text: str) -> None:
    """Refuse rules whose parts do not go together."""
    if rule.skips:
        if len(rule.actions) > 1 and any(isinstance(action, GoBack) for action in rule.actions):
            raise UserError(f"{text!r}: a step is skipped, or the run goes back: choose one")
        for metric in rule.metrics:
            if series_of(metric) not in ("train_loss", "grad_norm") or any(
                getattr(one, "clock", None) == "epochs" for one in rule.conditions
            ):
                raise UserError(
                    f"{text!r}: a step is skipped by numbers of its own batch: loss or grad_norm, counted in steps"
                )
        if any(isinstance(one, FindingAppears) for one in rule.conditions):
            raise UserError(f"{text!r}: a step is skipped by loss or grad_norm; a finding comes after an epoch")
    if sum(isinstance(action, GoBack) for action in rule.actions) > 1:
        raise UserError(f"{text!r}: one roll-back is enough")


def _listed(items: tuple[str, ...]) -> str:
    return " | ".join(items)
