"""Filter expressions over runs: `lr>=0.001 model=mlp val_accuracy>0.97`, the same for every command and list.

    expression   terms and words, separated by blanks; a run matches if all of them do
    term         KEY, one of = != > >= < <= ~, VALUE, without blanks; double quotes keep blanks in a value
    word         text that the name, the preset, the status or the reason contains

A key is a field of the list (`FIELDS`; `tag=good` holds for a run that has the tag), a dotted key of the configuration,
the end of one (`lr` is `optimizer.lr`, and `model` is `model.kind`), a metric (its last value), or `best.METRIC`. `=`
understands `*` as any text, `~` means "contains", and both ignore case. `a!=b` matches exactly the runs that `a=b` does
not. Hidden runs are left out unless a term is `hidden=true` or `hidden=false`; any other value is that of a setting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError, nearest
from tui_trainer.paths import expanded
from tui_trainer.runs.catalog import list_runs
from tui_trainer.runs.comparing.config_lines import config_by_lines
from tui_trainer.runs.keeping.disk_use import size_of
from tui_trainer.runs.keeping.kept import NOTHING
from tui_trainer.runs.keeping.spans import age_of
from tui_trainer.runs.run_info import RunInfo

SECTIONS = ("optimizer", "training", "model", "data", "scheduler", "loss", "early_stopping")
"""Tables of the configuration in the order in which the end of a key is looked for."""
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
"""Seconds of each unit of an age."""
BYTES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
"""Bytes of each unit of a size."""
TIMES = ("age", "duration")
"""Keys whose values are times."""

_TERM = re.compile(r"(?P<key>[A-Za-z_][\w./-]*)(?P<op>>=|<=|!=|==?|>|<|~)(?P<value>.*)", re.DOTALL)
_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*(?:"|\Z))+')
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kMGT]?)B?")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison of an expression."""

    token: str
    key: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class RunFilter:
    """A parsed expression."""

    terms: tuple[Term, ...] = ()
    words: tuple[str, ...] = ()


def is_term(text: str) -> bool:
    """Return whether a text compares a key with a value."""
    return _TERM.fullmatch(text) is not None


def parse_filter(text: str) -> RunFilter:
    """Parse an expression.

    Raises:
        UserError: a value is missing, is not a number or an age where one is needed, or a quote is not closed.
    """
    terms: list[Term] = []
    words: list[str] = []
    for token in _TOKEN.findall(text):
        if token.count('"') % 2:
            raise UserError(f'filter {token!r}: a double quote is not closed; write KEY="two words"')
        match = _TERM.fullmatch(token)
        if match is None:
            words.append(token.replace('"', ""))
            continue
        op, value = match["op"].replace("==", "="), match["value"].replace('"', "")
        if not match["value"]:
            raise UserError(f"filter {token!r}: the value after {op!r} is missing")
        is_setting = match["key"] == "hidden" and (op not in ("=", "!=") or value.casefold() not in ("true", "false"))
        term = Term(token, "model.hidden" if is_setting else match["key"], op, value)
        _check(term)
        terms.append(term)
    return RunFilter(tuple(terms), tuple(words))


def _check(term: Term) -> None:
    if term.key in TIMES:
        if _AGE.fullmatch(term.value) is None or term.op == "~":
            what = "an age" if term.key == "age" else "a duration"
            raise UserError(f"filter {term.token!r}: {what} is a number and s, m, h, d or w, as in {term.key}<2d")
    elif term.key == "size":
        if _SIZE.fullmatch(term.value) is None or term.op == "~":
            raise UserError(f"filter {term.token!r}: a size is a number of bytes, or of kB, MB or GB, as in size>100MB")
    elif term.op in (">", ">=", "<", "<=") and _number(term.value) is None:
        raise UserError(f"filter {term.token!r}: {term.op!r} needs a number, not {term.value!r}")


def _number(value: Any) -> float | None:
    """Return a finite number, None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _age(info: RunInfo) -> Any:
    age = age_of(info.started)
    return _MISSING if age is None else age


FIELDS: Mapping[str, Callable[[RunInfo], Any]] = {
    "name": lambda info: (info.name, info.shown) if info.kept.name or info.kept.group else info.name,
    "status": lambda info: info.status,
    "reason": lambda info: info.reason,
    "preset": lambda info: info.preset,
    "group": lambda info: (info.group, info.kept.group) if info.kept.group else info.group,
    "epoch": lambda info: info.epoch,
    "step": lambda info: info.step,
    "age": _age,
    "duration": lambda info: info.seconds,
    "size": lambda info: size_of(info.path),
    "tag": lambda info: info.kept.tags,
    "note": lambda info: info.kept.note,
    "hidden": lambda info: info.kept.hidden,
    "best": lambda info: info.best["value"] if info.best else _MISSING,
}
"""Keys that the list of runs itself knows."""

_configs: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}
"""Flat configurations by the path of the run, with size and time of modification of their files."""


def config_of(info: RunInfo) -> Mapping[str, Any]:
    """Return the flat configuration of a run; empty where it cannot be read. Read again only once it has changed."""
    try:
        status = os.stat(f"{info.path}/run.toml")
        stamp = status.st_size, status.st_mtime_ns
        known = _configs.get(info.path)
        if known is None or known[0] != stamp:
            known = _configs[info.path] = stamp, config_by_lines(info.path)
    except OSError:
        return {}
    return known[1]


def value_of(key: str, info: RunInfo) -> Any:
    """Return the value of a key in a run, `_MISSING` where the run has none."""
    if key in FIELDS:
        return FIELDS[key](info)
    config = config_of(info)
    for name in (key, f"{key}.kind", *(f"{section}.{key}" for section in SECTIONS)):
        if name in config:
            return config[name]
    metric = key.removeprefix("best.")
    if metric != key:
        return info.best["value"] if info.best and info.best["metric"] == metric else _MISSING
    return info.metrics.get(key, _MISSING)


def _keys(info: RunInfo) -> list[str]:
    """Return every key that means something in a run."""
    config = config_of(info)
    best = [f"best.{info.best['metric']}"] if info.best else []
    ends = (key.removesuffix(".kind").partition(".")[2] for key in config)
    return [*FIELDS, *(key.removesuffix(".kind") for key in config), *filter(None, ends), *info.metrics, *best]


def _holds(term: Term, actual: Any) -> bool:
    """Return whether a comparison holds for the value that a run has."""
    if term.op == "!=":
        return not _equal(term, actual)
    if actual is _MISSING:
        return False
    if term.op == "=":
        return _equal(term, actual)
    if term.op == "~":
        return any(_text(term.value) in _text(each) for each in (actual if isinstance(actual, tuple) else (actual,)))
    number, limit = _number(actual), _wanted(term)
    if number is None or limit is None or isinstance(actual, str):
        return False
    match term.op:
        case ">":
            return number > limit
        case ">=":
            return number >= limit
        case "<":
            return number < limit
        case _:
            return number <= limit


def _wanted(term: Term) -> float | None:
    if term.key in TIMES and (time := _AGE.fullmatch(term.value)):
        return float(time[1]) * UNITS[time[2]]
    if term.key == "size" and (size := _SIZE.fullmatch(term.value)):
        return float(size[1]) * BYTES[size[2]]
    return _number(term.value)


def _equal(term: Term, actual: Any) -> bool:
    if actual is _MISSING:
        return False
    if isinstance(actual, tuple):
        return any(_equal(term, each) for each in actual)
    if isinstance(actual, (int, float)) and not isinstance(actual, bool) and (wanted := _wanted(term)) is not None:
        return actual == wanted
    return fnmatchcase(_text(actual), re.sub(r"[\[?]", r"[\g<0>]", _text(term.value)))


def _text(value: Any) -> str:
    """Return a value as it is compared: in lower case and without blanks; a number that is not finite is `nan`."""
    return "nan" if value is None else str(value).casefold().replace(" ", "").replace("'", "")


def matches_terms(terms: Sequence[Term], info: RunInfo) -> bool:
    """Return whether all comparisons hold for a run."""
    return all(_holds(term, value_of(term.key, info)) for term in terms)


def _has_words(words: Sequence[str], info: RunInfo) -> bool:
    texts = (info.name, info.preset, info.status, info.reason)
    if info.kept is not NOTHING:
        texts += (info.shown, info.kept.note, *info.kept.tags)
    text = "\n".join(texts).casefold()
    return all(word.casefold() in text for word in words)


def check_keys(terms: Sequence[Term], runs: Sequence[RunInfo]) -> None:
    """Raise `UserError` for a key that no run has, with the nearest key that one of them has."""
    for term in terms:
        if not runs or term.key in FIELDS or any(value_of(term.key, info) is not _MISSING for info in runs):
            continue
        near = nearest(term.key, dict.fromkeys(key for info in runs for key in _keys(info)))
        hint = f"did you mean {near!r}?" if near else f"keys are {', '.join(FIELDS)}, settings and metrics"
        raise UserError(f"filter {term.token!r}: no run has the key {term.key!r}; {hint}")


def unhidden(terms: Sequence[Term], runs: Sequence[RunInfo]) -> Sequence[RunInfo]:
    """Return the runs that a list shows: all but the hidden ones, and all where a term has the key `hidden`."""
    return runs if any(term.key == "hidden" for term in terms) else [info for info in runs if not info.kept.hidden]


def select(text: str, runs: Sequence[RunInfo], *, everything: bool = False) -> list[RunInfo]:
    """Return the runs that an expression matches, in their order.

    Args:
        everything: whether to look among hidden runs too.

    Raises:
        UserError: the expression cannot be parsed, or no run has one of its keys.
    """
    parsed = parse_filter(text)
    check_keys(parsed.terms, runs)
    runs = runs if everything else unhidden(parsed.terms, runs)
    return [info for info in runs if _has_words(parsed.words, info) and matches_terms(parsed.terms, info)]


def split_arguments(arguments: Sequence[str], directory: Path) -> tuple[list[str], list[RunInfo]]:
    """Split the arguments of a command into names of runs, and the runs that its filter terms match, oldest first.

    An argument with blanks is an expression where it begins with a term; what exists as a folder is a name.

    Raises:
        UserError: as in `select`, or no run matches.
    """
    names: list[str] = []
    terms: list[str] = []
    for argument in arguments:
        first = argument.split(maxsplit=1)[0] if argument.strip() else ""
        is_name = not is_term(first) or expanded(argument).exists() or (directory / argument).exists()
        (names if is_name else terms).append(argument)
    if not terms:
        return names, []
    text = " ".join(terms)
    found = sorted(select(text, list_runs(directory)), key=lambda info: (info.started, info.name))
    if not found:
        raise UserError(f"no run in {directory} matches {text!r}; `tui-trainer runs` lists all")
    return names, found
