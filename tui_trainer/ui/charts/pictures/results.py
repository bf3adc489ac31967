"""What a set of runs came to, as a table: for runs whose names are a row and a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import Heat, taken
from tui_trainer.state.run_state import RunState

NAME = "results"
Grid = dict[tuple[str, str], RunState]


def grid_of(states: Sequence[RunState]) -> Grid:
    """The runs by row and column; empty where their names are not those of a table.

    "tanh/xavier" says where its row ends. In "leaky-relu-xavier" any hyphen may stand there: the one is taken with
    which all runs fill a table of at least two rows and two columns.
    """
    names = [_tail(state, states) for state in states]
    if len(names) < 4 or len(set(names)) < len(names):
        return {}
    for cuts in ([_parts(name, "/") for name in names], *_by_hyphen(names)):
        if all(cuts):
            rows, columns = {row for row, _ in cuts}, {column for _, column in cuts}
            whole = len(set(cuts)) == len(rows) * len(columns) and len(set(cuts)) == len(names)
            if whole and len(rows) > 1 and len(columns) > 1:
                return {(cut[0], cut[1]): state for cut, state in zip(cuts, states, strict=True)}
    return {}


def picture_of(states: Sequence[RunState]) -> PictureTaken | None:
    """The table of the last validation accuracy (of the validation loss where there are no classes)."""
    grid = grid_of(states)
    if not grid:
        return None
    rows, columns = (tuple(dict.fromkeys(place[k] for place in grid)) for k in (0, 1))
    classes = any(state.started is not None and state.started.metric == "accuracy" for state in states)
    metric = "val_accuracy" if classes or any("val_accuracy" in state.series for state in states) else "val_loss"
    values: dict[tuple[str, str], float | None] = {
        place: state.series[metric].last if metric in state.series else None for place, state in grid.items()
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


def _tail(state: RunState, states: Sequence[RunState]) -> str:
    """The name without what all runs of the set have before it."""
    group = state.run.split("/", 1)[0] + "/"
    return state.run.removeprefix(group) if all(other.run.startswith(group) for other in states) else state.run


def _parts(name: str, sign: str) -> tuple[str, ...]:
    return tuple(name.split(sign)) if name.count(sign) == 1 else ()


def _by_hyphen(names: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
    """The ways to cut all names: what stands behind a hyphen of the first one is a column that others have too."""
    first = names[0].split("-")
    for cut in range(1, len(first)):
        row, column = "-".join(first[:cut]), "-".join(first[cut:])
        columns = {name.removeprefix(f"{row}-") for name in names if name.startswith(f"{row}-")}
        rows = {name.removesuffix(f"-{column}") for name in names if name.endswith(f"-{column}")}
        known = {f"{a}-{b}": (a, b) for a in rows for b in columns}
        yield [known.get(name, ()) for name in names]
