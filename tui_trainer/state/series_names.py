"""Names of series: `group/name`, the standard ones without a slash, and what follows from a name alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

from tui_trainer.text import visible

MAX_NAME = 120
"""Longest name of a series, in characters."""
AXIS = "axis"
"""Group of the recorded columns: cumulative counts that a chart can use as its x axis."""
SYSTEM = "system"
"""Group of the load of the host process and its device."""
RANK = "rank"
"""Group of the times and the memory of several processes that train together: medians, and the worst of them."""
CLASS = "class"
"""Segment before the label of a class: `class/<label>/recall`, or `<set>/class/<label>/recall`."""

_METRICS = ("loss", "accuracy", "rmse", "r2")
_PROBES = ("step_quality", "gradient_cosine", "update_ratio", "effective_rate")

STANDARD: frozenset[str] = frozenset(
    {f"{split}_{metric}" for split in ("train", "val", "test") for metric in _METRICS}
    | {"lr", "grad_norm", "seconds", "evaluations", "mean_train_loss", "suboptimality", *_PROBES}
)
"""Names that the default page draws itself, and those that only serve its axes or the diagnosis."""

LAYER_WEIGHTS, LAYER_SILENT = "layer_weight_norm", "layer_silent"
"""Groups of the weight norm of each layer, and of the share of its units that are silent, for the layers page."""

STANDARD_GROUPS: frozenset[str] = frozenset({"grad_norm", "update_ratio", "coordinate", LAYER_WEIGHTS, LAYER_SILENT})
"""Groups that the default page draws itself: one series for each layer, or each coordinate of a path."""


UNITS: dict[str, str] = {
    f"{SYSTEM}/memory": "MiB",
    f"{SYSTEM}/device_memory": "MiB",
    f"{SYSTEM}/cpu": "% of a core",
    f"{SYSTEM}/data_wait": "% of time",
    f"{SYSTEM}/overhead": "% of time",
    f"{SYSTEM}/gpu_utilization": "%",
    f"{SYSTEM}/gpu_temperature": "°C",
    **{f"{RANK}/{name}{end}": "ms" for name in ("step", "busy", "wait", "input") for end in ("", "_worst")},
    f"{RANK}/memory": "MiB",
    f"{RANK}/memory_worst": "MiB",
}
"""Units of the series that have one."""

RESERVED_GROUPS: frozenset[str] = STANDARD_GROUPS | {SYSTEM, RANK, CLASS}
"""Groups that the program records itself."""


LOADS: frozenset[str] = frozenset({SYSTEM, RANK})
"""Groups that measure the machine: no result of a training, and other numbers with each replay."""


class _Started(Protocol):
    @property
    def config(self) -> dict[str, Any]: ...


class _Run(Protocol):
    @property
    def started(self) -> _Started | None: ...


def group_of(name: str) -> str:
    """Return the group of a series: the part before the first slash; empty for a name without one.

    The classes of a set are a group of their own: `shifted/class/7/recall` belongs to `shifted/class`.
    """
    first, slash, rest = name.partition("/")
    if not slash:
        return ""
    return f"{first}/{CLASS}" if first != CLASS and rest.startswith(f"{CLASS}/") else first


def title_of(name: str) -> str:
    """Return the name within its group, printable; a whole name where nothing follows the group."""
    group = group_of(name)
    return visible(name.removeprefix(f"{group}/") if group else name) or visible(name)


def axes_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the recorded columns among `names`, sorted."""
    return tuple(sorted(name for name in names if group_of(name) == AXIS and name != f"{AXIS}/"))


def name_problem(name: object, reserved: Collection[str] = ()) -> str:
    """Return why code of the user cannot record a series of this name; empty if it can.

    Args:
        reserved: further groups that the run records itself.
    """
    if not isinstance(name, str) or not name.strip():
        return f"{name!r}: a name must be text that is not empty"
    if len(name) > MAX_NAME:
        return f"{name[:40]!r}... has {len(name)} characters; a name may have up to {MAX_NAME}"
    if visible(name) != name:
        return f"{name!r} holds characters that cannot be printed; use letters, digits and / . _ -"
    if "" in name.split("/"):
        return f"{name!r} has an empty part; write group/name"
    if name in STANDARD or name.startswith(("train_", "val_", "test_")):
        return f"{name!r} is a name of the program's own; add a group, such as my/{name}"
    group = group_of(name)
    if group in RESERVED_GROUPS or group in reserved or group.partition("/")[0] in reserved:
        return f"{name!r}: the group {group!r} is recorded by the program; use another, such as my/{name}"
    return ""


def runs_by_seed(states: Sequence[_Run]) -> list[list[int]]:
    """Return the indices of runs that differ only in their seed: one list for each such set of two or more."""
    groups: list[tuple[dict[str, Any], list[tuple[int, Any]]]] = []
    for index, state in enumerate(states):
        if state.started is None or not state.started.config:
            continue
        seed, rest = _without_seed(state.started.config)
        for known, members in groups:
            if known == rest:
                members.append((index, seed))
                break
        else:
            groups.append((rest, [(index, seed)]))
    return [
        [index for index, _ in members]
        for _, members in groups
        if len({seed for _, seed in members}) == len(members) > 1
    ]


def _without_seed(config: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    training = config.get("training")
    if not isinstance(training, dict):
        return None, config
    return training.get("seed"), {**config, "training": {k: v for k, v in training.items() if k != "seed"}}
