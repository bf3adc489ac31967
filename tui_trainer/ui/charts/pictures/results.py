"""The results table of a set whose run names combine a row and a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import Heat, taken
from tui_trainer.state.run_state import RunState

NAME = "results"
Grid = dict[tuple[str, str], RunState]


def grid_of(states: Sequence[RunState]) -> Grid:
    """Return the runs by row and column; empty if their names do not form a table.

    In "tanh/xavier" the slash separates row and column. In "leaky-relu-xavier" any hyphen may separate them; the one
    that is used lets all runs fill a table of at least two rows and two columns.
    """
    splits = _table(tuple(state.run for state in states))
    return {(split[0], split[1]): state for split, state in zip(splits, states, strict=True)} if splits else {}


@lru_cache(maxsize=16)
def _table(runs: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return row and column of each run; empty where the names form no table. Asked for at each tick of the screen."""
    names = _tails(runs)
    if len(names) < 4 or len(set(names)) < len(names):
        return ()
    for splits in ([_parts(name, "/") for name in names], *_by_hyphen(names)):
        if all(splits):
            rows, columns = {row for row, _ in splits}, {column for _, column in splits}
            complete = len(set(splits)) == len(rows) * len(columns) and len(set(splits)) == len(names)
            if complete and len(rows) > 1 and len(columns) > 1:
                return tuple(splits)
    return ()


def picture_of(states: Sequence[RunState]) -> PictureTaken | None:
    """Return the table of the newest validation accuracy, or validation loss for runs without classes."""
    grid = grid_of(states)
    if not grid:
        return None
    rows, columns = (tuple(dict.fromkeys(cell[k] for cell in grid)) for k in (0, 1))
    classes = any(state.started is not None and state.started.metric == "accuracy" for state in states)
    metric = "val_accuracy" if classes or any("val_accuracy" in state.series for state in states) else "val_loss"
    values: dict[tuple[str, str], float | None] = {
        cell: state.series[metric].last if metric in state.series else None for cell, state in grid.items()
    }
    drawing = Heat(
        title=f"{metric.replace('val_', 'validation ')} of {len(grid)} runs",
        rows=rows,
        columns=columns,
        values=tuple(tuple(values[row, column] for column in columns) for row in rows),
        low=0 if metric == "val_accuracy" else None,
        high=1 if metric == "val_accuracy" else None,
    )
    known = [value for value in values.values() if value is not None]
    numbers: dict[str, float | None] = {"best": max(known), "worst": min(known)} if known else {}
    return taken(NAME, drawing, numbers, step=max(state.step for state in states))


def _tails(runs: Sequence[str]) -> list[str]:
    """Return the names of the runs without the group that all of them share."""
    group = runs[0].split("/", 1)[0] + "/" if runs else ""
    return [run.removeprefix(group) for run in runs] if all(run.startswith(group) for run in runs) else list(runs)


def _parts(name: str, sign: str) -> tuple[str, ...]:
    return tuple(name.split(sign)) if name.count(sign) == 1 else ()


def _by_hyphen(names: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
    """Yield the ways to split all names at a hyphen, taking rows and columns from each split of the first name."""
    first = names[0].split("-")
    for split in range(1, len(first)):
        row, column = "-".join(first[:split]), "-".join(first[split:])
        columns = {name.removeprefix(f"{row}-") for name in names if name.startswith(f"{row}-")}
        rows = {name.removesuffix(f"-{column}") for name in names if name.endswith(f"-{column}")}
        known = {f"{a}-{b}": (a, b) for a in rows for b in columns}
        yield [known.get(name, ()) for name in names]
