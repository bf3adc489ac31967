"""The status of a run as text: a column next to the charts, a few lines below them, and parts of the header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from tui_trainer.protocol.describe import duration, number, size
from tui_trainer.runs.label import short_name
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cell_width, cut, padded, visible
from tui_trainer.ui.charts.readout import series_label
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.layer_health import ratio_bar

Values = Sequence[tuple[str, str]]
Part = tuple[str, str] | str

NAME_WIDTH = 15
"""Cells of the names at the left of the column."""
MAX_LAYERS = 16
"""Most layers that the column shows; the layers table shows all of them."""


@dataclass(frozen=True, slots=True)
class Section:
    """A group of lines. If there is too little space, the sections with the smallest weight are left out first."""

    weight: int
    lines: tuple[Content, ...]


def name_of(state: RunState) -> str:
    """Return the name of a run."""
    return visible(state.run or (state.started.preset if state.started else "") or "run")


def short_name_of(state: RunState) -> str:
    """Return the name of a run without its date, for lists and the header."""
    return visible(short_name(state.run)) if state.run else name_of(state)


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
    done = min(max(state.step - state.epoch * steps, 0), steps)
    return (done or steps if state.over else done), steps


def throughput_text(state: RunState) -> str:
    """Return the throughput in steps per second, empty if it is unknown."""
    speed = state.steps_per_second()
    return f"{speed:,.0f} steps/s" if round(speed, 1) >= 20 else f"{speed:.1f} steps/s" if speed else ""


def time_left_text(state: RunState) -> str:
    """Return the remaining time, empty if it is unknown or the run is not running."""
    if state.status not in ("running", "stopping"):
        return ""
    remaining = state.seconds_left()
    if remaining is not None:
        return f"{duration(remaining)} left"
    remaining = state.seconds_left(roughly=True)
    return f"about {duration(remaining)} left" if remaining is not None else ""


def best_text(state: RunState) -> str:
    """Return the value and number of the best epoch so far, empty without one."""
    best = state.best
    return f"{number(best.value)} in epoch {best.epoch}" if best is not None else ""


def _bar(state: RunState, share: float, width: int, icons: Icons) -> tuple[Part, Part]:
    full, rest = icons.bar(share, max(width, 4))
    return (full, STATE_STYLES.get(state.status, "$primary")), (rest, "$border")


def progress(state: RunState, width: int, icons: Icons) -> Section:
    """Return epochs and batches as bars, time and throughput."""
    done, total = share_of_epoch(state)
    epochs = f"{state.epoch}/{state.epochs}"
    batches = f"{done:,}/{total:,}"
    room = max(len(epochs), len(batches))
    bar = width - NAME_WIDTH - room - 1
    lines = [
        _row("epoch", f"{epochs:>{room}} ", *_bar(state, state.step / max(state.total_steps, 1), bar, icons)),
        _row("batch", f"{batches:>{room}} ", *_bar(state, done / total, bar, icons)),
    ]
    spent, remaining = duration(state.seconds), time_left_text(state)
    times = [f"{spent} · {remaining}", remaining] if remaining else [spent]
    lines.append(_row("time", _first_that_fits(times, width - NAME_WIDTH)))
    speed = state.steps_per_second()
    if speed:
        samples = speed * (state.started.batch_size if state.started else 0)
        text = throughput_text(state)
        texts = [f"{text} · {samples:,.0f} samples/s", text]
        lines.append(_row("throughput", _first_that_fits(texts, width - NAME_WIDTH)))
    return Section(90, tuple(lines))


def _first_that_fits(texts: Sequence[str], width: int) -> str:
    """Return the first of the texts that fits into `width` cells, else the last."""
    return next((text for text in texts if cell_width(text) <= width), texts[-1])


def _values(values: Values, title: str, width: int) -> Section:
    lines = [_row(_fitted_name(visible(name), text, width), (visible(text), "bold")) for name, text in values]
    return Section(95, (Content.styled(title, "$secondary"), *lines) if title else tuple(lines))


def _fitted_name(name: str, text: str, width: int) -> str:
    """Return a name with a space after it; one longer than the name column only if the text still fits."""
    return f"{name} " if cell_width(name) + 1 + cell_width(text) <= width else cut(name, NAME_WIDTH - 1)


def _about(state: RunState) -> Section:
    started = state.started
    lines = [Content.styled(title_of(state), "bold")]
    if started is not None:
        lines += [Content.styled(visible(text), "$muted") for text in (started.model, started.data) if text]
        parts = [f"{started.parameters:,} parameters"] if started.parameters else []
        lines.append(Content.styled(" · ".join([*parts, visible(started.device)]), "$muted"))
    return Section(40, tuple(lines))


def _settings(state: RunState) -> Section:
    lines: list[Content] = []
    if state.plan is not None:
        note = " (by hand)" if state.plan.scale != 1.0 or state.plan.held is not None else ""
        lines.append(_row("schedule", visible(state.plan.scheduler.label()), (note, "$muted")))
    if state.optimizer is not None:
        lines.append(_row("optimizer", visible(state.optimizer.label())))
    lines.append(_row("clip", number(state.clip_grad_norm) if state.clip_grad_norm else "off"))
    return Section(70, tuple(lines))


def _stopping(state: RunState, width: int, icons: Icons) -> Section:
    lines: list[Content] = []
    if state.best is not None:
        lines.append(
            _row(
                "best",
                (number(state.best.value), "bold"),
                (f" {series_label(state.best.metric)} @ {state.best.epoch}", "$muted"),
            )
        )
    if state.early_stopping and state.patience:
        count = f"{state.bad_epochs}/{state.patience} "
        full, rest = icons.bar(state.bad_epochs / state.patience, max(width - NAME_WIDTH - len(count), 4))
        style = "$warning" if state.bad_epochs * 2 >= state.patience else "$secondary"
        lines.append(_row("patience", count, (full, style), (rest, "$border")))
    else:
        lines.append(_row("early stop", "off"))
    return Section(80, tuple(lines))


def _resources(state: RunState) -> Section:
    lines: list[Content] = []
    if state.memory:
        device = f" · {size(state.device_memory)} on the device" if state.device_memory else ""
        lines.append(_row("memory", size(state.memory) + device))
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


def status_column(state: RunState, values: Values, heading: str, width: int, height: int, icons: Icons) -> Content:
    """Return the status as a column. `values` are the read-out numbers, under `heading` if they are not the newest."""
    if state.started is None:
        # Only the name is known: zeros would look like measurements.
        return _fit(Content.styled(title_of(state), "bold"), width, icons)
    sections = [
        _about(state),
        _warnings(state),
        progress(state, width, icons),
        _values(values, heading, width),
        _settings(state),
        _stopping(state, width, icons),
        _resources(state),
        _layers(state, width, icons),
    ]
    shown = [section for section in sections if section.lines]
    while len(shown) > 1 and sum(len(section.lines) + 1 for section in shown) - 1 > height:
        shown.remove(min(shown, key=lambda section: section.weight))
    lines: list[Content] = []
    for section in shown:
        lines += [*([Content("")] if lines else []), *section.lines]
    return Content("\n").join([_fit(line, width, icons) for line in lines[:height]])


def _fit(line: Content, width: int, icons: Icons) -> Content:
    if line.cell_length <= width:
        return line
    return line.truncate(max(width - len(icons.ellipsis), 0)).append(icons.ellipsis[:width])


def status_lines(state: RunState, values: Values, heading: str, width: int, height: int, icons: Icons) -> Content:
    """Return the status in at most `height` lines: progress, numbers, settings."""
    done, total = share_of_epoch(state)
    facts = [part for part in (time_left_text(state), throughput_text(state)) if part]
    head = f"epoch {state.epoch}/{state.epochs} " if width >= 60 else f"{state.epoch}/{state.epochs} "
    batch = f" batch {done:,}/{total:,}" if width >= 60 else f" {done:,}/{total:,}"
    tail = "".join(f"  {fact}" for fact in facts)
    room = width - len(head) - len(batch) - len(tail)
    if room < 6:
        tail, room = "", width - len(head) - len(batch)
    first = Content.assemble(
        head, *_bar(state, state.step / max(state.total_steps, 1), min(room, 40), icons), batch, (tail, "$muted")
    )
    rows = [first, *_flow([_pair(name, text) for name, text in values], width, heading)]
    settings = [_pair("best", f"{number(state.best.value)} @ {state.best.epoch}")] if state.best is not None else []
    if state.early_stopping and state.patience:
        settings.append(_pair("patience", f"{state.bad_epochs}/{state.patience}"))
    if state.plan is not None:
        settings.append(_pair("schedule", visible(state.plan.scheduler.label())))
    if state.clip_grad_norm:
        settings.append(_pair("clip", number(state.clip_grad_norm)))
    rows += _flow(settings, width, "")
    if state.unsaved:
        rows.insert(1, Content.styled(f"! not saved: {visible(state.unsaved)}", "$error bold"))
    return Content("\n").join([_fit(row, width, icons) for row in rows[: max(height, 1)]])


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
