"""The reasons why the losses of runs cannot be compared: another loss function, other data, split or units."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tui_trainer.runs.comparing.settings import shown_setting
from tui_trainer.runs.recorded_data import recorded_data
from tui_trainer.text import visible

MAX_NAMES = 3
"""Most runs that a remark names for each value."""
MAX_VALUES = 4
"""Most different values that a remark lists."""
NOT_SET = "not set"
"""Stands for a setting that a run leaves out."""

_SPLIT = ("data.validation", "data.test", "data.context")
"""Settings that decide which samples are in the validation data."""
_HANDLED = ("data.batch_size", "data.sampling", "data.standardise", "data.clip", "data.label_noise", "data.scale")
"""Settings of the data that leave the targets as they are, or have a remark of their own."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The parts of a run that decide whether its losses can be compared.

    Attributes:
        name: a short name for the remarks.
        config: the configuration by dotted key; empty where it is not known.
        about: the content of about.json.
        metrics: names of the metrics that were measured.
    """

    name: str
    config: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    metrics: Collection[str] = ()


def remarks(runs: Sequence[RunFacts]) -> list[str]:
    """Return one sentence for each reason why losses of these runs cannot be compared; empty where they can be."""
    known = [run for run in runs if run.config]
    if len(known) < 2:
        return []
    found: list[str] = []

    def remark(what: str, why: str, value: Callable[[RunFacts], str]) -> bool:
        groups = _groups(known, value)
        if len(groups) > 1:
            found.append(f"{what} are not comparable: {why} ({_listed(groups)})")
        return len(groups) > 1

    remark("losses", "other loss functions", lambda run: _loss(run, known))
    other_data = remark("losses", "other data", _data)
    if any(name.endswith("rmse") for run in known for name in run.metrics):
        remark("losses", "other units of the targets", lambda run: _of(run, ("data.standardise",)))
    remark("training losses", "other labels", lambda run: _of(run, ("data.label_noise",)))
    remark("validation losses", "other split", lambda run: _of(run, _SPLIT))
    if not other_data and len({str(run.config.get("training.seed")) for run in known}) > 1 and _drawn(known):
        found.append("each seed draws its own split: validation losses of two seeds are not of the same samples")
    return found


def _groups(runs: Sequence[RunFacts], value: Callable[[RunFacts], str]) -> dict[str, list[str]]:
    """Return the names of the runs by their value."""
    groups: dict[str, list[str]] = {}
    for run in runs:
        groups.setdefault(value(run), []).append(run.name)
    return groups


def _listed(groups: Mapping[str, Sequence[str]]) -> str:
    parts: list[str] = []
    for value, names in list(groups.items())[:MAX_VALUES]:
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        parts.append(f"{visible(', '.join(names[:MAX_NAMES]))}{more}: {value or NOT_SET}")
    if len(groups) > MAX_VALUES:
        parts.append(f"{len(groups) - MAX_VALUES} further values")
    return "; ".join(parts)


def _of(run: RunFacts, keys: Sequence[str]) -> str:
    """Return the values of some settings, with their names."""
    return ", ".join(f"{key} {shown_setting(run.config[key])}" for key in keys if run.config.get(key) is not None)


def _loss(run: RunFacts, runs: Sequence[RunFacts]) -> str:
    """Return the loss function of a run, with those of its settings in which runs of the same kind differ."""
    kind = run.config.get("loss.kind")
    same = [other for other in runs if other.config.get("loss.kind") == kind]
    keys = sorted({key for other in same for key in other.config if key.startswith("loss.") and key != "loss.kind"})
    own = [key for key in keys if any(other.config.get(key) != same[0].config.get(key) for other in same)]
    settings = [f"{key.removeprefix('loss.')} {shown_setting(run.config.get(key))}" for key in own]
    return " ".join([shown_setting(kind), *settings])


def _data(run: RunFacts) -> str:
    """Return the data of a run: those of a user by their content, any other by their settings."""
    recorded = recorded_data(run.about)
    own = recorded[-1] if recorded and recorded[-1].own else None
    others = (*_HANDLED, *_SPLIT, "data.kind", *(("data.path",) if own is not None else ()))
    keys = [key for key in run.config if key.startswith("data.") and key not in others]
    settings = _of(run, [key for key in sorted(keys) if run.config[key] not in ("", [], {})])
    content = f"{own.count:,} {visible(own.unit)}, contents {visible(own.hash[:8])}" if own is not None else ""
    inside = "; ".join(part for part in (content, settings) if part)
    return visible(str(run.config.get("data.kind"))) + (f" ({inside})" if inside else "")


def _drawn(runs: Sequence[RunFacts]) -> bool:
    """Return whether the seed draws the split of these data: a text is cut, and a function has no samples."""
    return all(run.config.get("data.kind") not in ("text", "quadratic") for run in runs)
