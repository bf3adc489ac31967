"""The status of a run as text: the rail beside the charts, a few lines below them, and parts of the header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.content import Content

from tui_trainer.diagnosis.forecast.of_run import change_text, gain_of
from tui_trainer.protocol.describe import duration, number
from tui_trainer.state.drills.veil import is_veiled
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cell_width, cut, padded, visible
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.layer_health import ratio_bar
from tui_trainer.ui.panels.numbers_table import NumberRow, number_lines, numbers_table
from tui_trainer.ui.panels.panel import fitted

Values = Sequence[tuple[str, str]]
Part = tuple[str, str] | str

NAME_WIDTH = 15
"""Cells of the names at the left of the rail."""
MAX_LAYERS = 16
"""Most layers that the rail shows; the layers page shows all of them."""


TABLE = 99
"""Weight of the table of losses and metrics."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a run that the screen reads out.

    Attributes:
        rows: losses and metrics.
        smoothing: steps over which the training loss is smoothed.
        others: further numbers by name: rate, gradient norm, what the user logs, losses of other runs.
        heading: the place of the cursor; empty where the numbers are the newest.
        cost: what the program itself costs; empty where that is not known or not wanted.
    """

    rows: Sequence[NumberRow] = ()
    smoothing: int = 0
    others: Values = field(default=())
    heading: str = ""
    cost: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A group of lines. If there is too little space, the sections with the smallest weight are left out first."""

    weight: int
    lines: tuple[Content, ...]


def name_of(state: RunState) -> str:
    """Return the name of a run."""
    return visible(state.run or (state.started.preset if state.started else "") or "run")


def title_of(state: RunState) -> str:
    """Return the title of a run, else its preset, else its name."""
    started = state.started
    return visible(started.title or started.preset) if started and (started.title or started.preset) else name_of(state)


def state_text(state: RunState, icons: Icons) -> Content:
    """Return the status of a run with its sign, in its colour."""
    word = state.reason if state.over and state.reason not in ("", "completed") else state.status
    return Content.styled(f"{icons.state(state.status)} {word}", STATE_STYLES.get(state.status, "$secondary"))


def _row(name: str, *parts: Part) -> Content:
    return Content.assemble((padded(name, NAME_WIDTH), "$muted"), *parts)


def share_of_epoch(state: RunState) -> tuple[int, int]:
    """Return the batches done in the current epoch, and the batches of an epoch."""
    steps = state.steps_per_epoch
    done = min(max(state.step - state.step_of_epoch(state.epoch), 0), steps)
    return (done or steps if state.over else done), steps


def throughput_text(state: RunState) -> str:
    """Return the throughput in steps per second, empty if it is unknown."""
    speed = state.steps_per_second()
    return f"{speed:,.0f} steps/s" if round(speed, 1) >= 20 else f"{speed:.1f} steps/s" if speed else ""


def best_text(state: RunState) -> str:
    """Return the value and number of the best epoch so far, empty without one."""
    best = state.best
    return f"{number(best.value)} in epoch {best.epoch}" if best is not None else ""


def _progress(state: RunState, front_of_set: bool) -> Section:
    """Return steps and time. Epochs, speed and time left stand in the header."""
    done, total = share_of_epoch(state)
    lines: list[Content] = []
    if front_of_set:
        lines.append(_row("epoch", f"{state.epoch}" + (f" of {state.epochs}" if state.epochs else "")))
    lines.append(_row("step", f"{state.step:,}" + (f" of {state.total_steps:,}" if state.total_steps else "")))
    if total > 1:
        lines.append(_row("batch", f"{done:,} of {total:,}"))
    speed = state.steps_per_second()
    samples = speed * (state.started.batch_size if state.started else 0)
    rate = f" · {samples:,.0f} samples/s" if samples and not state.over else ""
    lines.append(_row("training time", f"{duration(state.seconds)}{rate}"))
    gain = gain_of(state) if not state.over else None
    if gain is not None:
        lines.append(_row(f"next {gain.forecast.epochs} epochs", change_text(gain.forecast)))
        lines.append(_row("", ("val loss" + (f", {duration(gain.seconds)}" if gain.seconds else ""), "$muted")))
    return Section(60, tuple(lines))


def _values(values: Values, width: int) -> Section:
    lines = [_row(_fitted_name(visible(name), text, width), (visible(text), "bold")) for name, text in values]
    return Section(95, tuple(lines))


def _fitted_name(name: str, text: str, width: int) -> str:
    """Return a name with a space after it; one longer than the name column only if the text still fits."""
    return f"{name} " if cell_width(name) + 1 + cell_width(text) <= width else cut(name, NAME_WIDTH - 1)


def _table(numbers: Numbers, width: int) -> Section:
    lines = [Content.styled(numbers.heading, "$secondary")] if numbers.heading else []
    return Section(TABLE, (*lines, *numbers_table(numbers.rows, numbers.smoothing, bool(numbers.heading), width)))


def _about(state: RunState) -> Section:
    started = state.started
    lines = [Content.styled(title_of(state), "bold")]
    if is_veiled(state):
        lines.append(Content.styled("model and data: hidden until named (!)", "$muted"))
    elif started is not None:
        lines += [Content.styled(visible(text), "$muted") for text in (started.model, started.data) if text]
        if started.parameters:
            lines.append(Content.styled(f"{started.parameters:,} parameters", "$muted"))
    return Section(40, tuple(lines))


def _plan(state: RunState) -> Section:
    lines: list[Content] = []
    if state.plan is not None:
        note = " (by hand)" if state.plan.scale != 1.0 or state.plan.held is not None else ""
        lines.append(_row("schedule", visible(state.plan.scheduler.label()), (note, "$muted")))
    if state.optimizer is not None:
        lines.append(_row("optimizer", visible(state.optimizer.label())))
    by_script = " (by the script)" if state.script_clip and state.script_clip == state.clip_grad_norm else ""
    clip = number(state.clip_grad_norm) if state.clip_grad_norm else "off"
    lines.append(_row("clip", clip, (by_script, "$muted")))
    return Section(70, tuple(lines))


def _stopping(state: RunState, width: int, icons: Icons) -> Section:
    lines: list[Content] = []
    if state.early_stopping and state.patience:
        count = f"{state.bad_epochs}/{state.patience} "
        full, rest = icons.bar(state.bad_epochs / state.patience, max(width - NAME_WIDTH - len(count), 4))
        style = "$warning" if state.bad_epochs * 2 >= state.patience else "$secondary"
        lines.append(_row("patience", count, (full, style), (rest, "$border")))
    else:
        lines.append(_row("early stop", "off"))
    return Section(80, tuple(lines))


def _saved(state: RunState) -> Section:
    lines: list[Content] = []
    if state.checkpoints:
        saved = ", ".join(f"{visible(name)} @ {epoch}" for name, epoch in list(state.checkpoints.items())[-3:])
        lines.append(_row("saved", saved))
    return Section(30, tuple(lines))


def _layers(state: RunState, width: int, icons: Icons) -> Section:
    """Return the update ratio |update| / |weights| of each layer; a healthy ratio fills half of the bar."""
    if not state.layers or len(state.layers) > MAX_LAYERS:
        return Section(20, ())
    lines = [Content.styled("|update| / |weights| by layer (key w)", "$muted")]
    for name, layer in state.layers.items():
        share, style = ratio_bar(layer.update_ratio)
        full, rest = icons.bar(share, max(width - NAME_WIDTH - 9, 4))
        lines.append(
            _row(
                cut(visible(name), NAME_WIDTH - 1),
                f"{number(layer.update_ratio, 2):<9}",
                (full, style),
                (rest, "$border"),
            )
        )
    return Section(20, tuple(lines))


def _warnings(state: RunState) -> Section:
    lines = [Content.styled(f"! not saved: {visible(state.unsaved)}", "$error bold")] if state.unsaved else []
    return Section(100, tuple(lines))


def status_column(
    state: RunState,
    numbers: Numbers,
    width: int,
    height: int,
    icons: Icons,
    *,
    front_of_set: bool = False,
    table_only: bool = False,
) -> Content:
    """Return the status as a rail of `width` columns.

    Args:
        state: the run.
        numbers: its losses and metrics.
        width: cells from left to right.
        height: most lines; sections of little weight are left out first.
        icons: the symbols to draw with.
        front_of_set: whether the header stands for a set, so that the epoch of the run is said here.
        table_only: leave out everything but warnings, losses and metrics.
    """
    if state.started is None:
        # Only the name is known: zeros would look like measurements.
        return fitted(Content.styled(title_of(state), "bold"), width, icons)
    sections = [
        _about(state),
        _warnings(state),
        _table(numbers, width),
        _values(numbers.others, width),
        _plan(state),
        _stopping(state, width, icons),
        _progress(state, front_of_set),
        _saved(state),
        _layers(state, width, icons),
        Section(10, (_row("own cost", (numbers.cost, "$muted")),) if numbers.cost else ()),
    ]
    shown = [section for section in sections if section.lines and (section.weight >= TABLE or not table_only)]
    while len(shown) > 1 and sum(len(section.lines) + 1 for section in shown) - 1 > height:
        shown.remove(min(shown, key=lambda section: section.weight))
    lines: list[Content] = []
    for section in shown:
        lines += [*([Content("")] if lines else []), *section.lines]
    return Content("\n").join([fitted(line, width, icons) for line in lines[:height]])


def status_lines(state: RunState, numbers: Numbers, width: int, height: int, icons: Icons) -> Content:
    """Return the status in at most `height` lines: losses and metrics, then further numbers and settings."""
    if numbers.heading:
        pairs = [_pair(row.label, row.now) for row in numbers.rows]
        pairs += [_pair(name, text) for name, text in numbers.others]
        rows = _flow(pairs, width, numbers.heading)
    else:
        rows = number_lines(numbers.rows, width, height)
        if len(rows) < height:
            cost = [_pair("own cost", numbers.cost)] if numbers.cost else []
            others = [_pair(name, text) for name, text in numbers.others]
            rows += _flow([*_settings(state), *others, *cost], width, "")
    if state.unsaved:
        rows.insert(1 if height > 1 else 0, Content.styled(f"! not saved: {visible(state.unsaved)}", "$error bold"))
    return Content("\n").join([fitted(row, width, icons) for row in rows[: max(height, 1)]])


def _settings(state: RunState) -> list[Content]:
    pairs: list[Content] = []
    if state.plan is not None:
        pairs.append(_pair("schedule", visible(state.plan.scheduler.label())))
    if state.early_stopping and state.patience:
        pairs.append(_pair("patience", f"{state.bad_epochs}/{state.patience}"))
    if state.clip_grad_norm:
        pairs.append(_pair("clip", number(state.clip_grad_norm)))
    return pairs


def _pair(name: str, text: str) -> Content:
    return Content.assemble((f"{visible(name)} ", "$muted"), (visible(text), "bold"))


def _flow(pairs: Sequence[Content], width: int, heading: str) -> list[Content]:
    """Flow pairs into lines, as many on each as fit."""
    rows: list[Content] = []
    row = Content.styled(heading, "$secondary") if heading else Content("")
    for pair in pairs:
        if row and row.cell_length + 2 + pair.cell_length > width:
            rows.append(row)
            row = Content("")
        row = Content.assemble(row, "  ", pair) if row else pair
    return [*rows, row] if row else rows


def with_message(text: Content, message: Content | None, height: int) -> Content:
    """Return the lines with a message in place of the last one."""
    if not message:
        return text
    lines = text.split("\n")[: max(height - 1, 0)]
    return Content("\n").join([*lines, message])
