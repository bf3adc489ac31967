"""A run in words and numbers: as a column beside the charts, as a few lines under them, as one line above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from tui_trainer.protocol.describe import duration, number, size
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.layer_health import ratio_bar

Values = Sequence[tuple[str, str]]
Part = tuple[str, str] | str

NAME = 15
"""Cells of a name in the column."""
MOST_LAYERS = 16
"""Layers that the column has room for; the table has room for all."""


@dataclass(frozen=True, slots=True)
class Section:
    """A few lines that belong together; where room is short, those with the smallest weight go first."""

    weight: int
    lines: tuple[Content, ...]


def name_of(state: RunState) -> str:
    """What a run is called at the screen."""
    return visible(state.run or (state.started.preset if state.started else "") or "run")


def title_of(state: RunState) -> str:
    """What a run is about: its title, else its preset, else its name."""
    started = state.started
    return visible(started.title or started.preset) if started and (started.title or started.preset) else name_of(state)


def state_words(state: RunState, signs: Icons) -> Content:
    """The state with its sign, in its colour."""
    word = state.reason if state.over and state.reason not in ("", "completed") else state.status
    return Content.styled(f"{signs.state(state.status)} {word}", STATE_STYLES.get(state.status, "$secondary"))


def _row(name: str, *parts: Part) -> Content:
    return Content.assemble((f"{name:<{NAME}}", "$muted"), *parts)


def share_of_epoch(state: RunState) -> tuple[int, int]:
    """Steps taken in the epoch under way, and how many it has."""
    steps = state.steps_per_epoch
    done = min(max(state.step - state.epoch * steps, 0), steps)
    return (done or steps if state.over else done), steps


def pace_words(state: RunState) -> str:
    """Steps a second, empty where nothing is known."""
    pace = state.steps_per_second()
    return f"{pace:,.0f} steps/s" if pace >= 20 else f"{pace:.1f} steps/s" if pace else ""


def left_words(state: RunState) -> str:
    """The time left, empty where nothing is known or nothing is left."""
    left = state.seconds_left()
    return f"{duration(left)} left" if left is not None and state.status in ("running", "stopping") else ""


def best_words(state: RunState) -> str:
    """The best epoch so far."""
    best = state.best
    return f"{number(best.value)} in epoch {best.epoch}" if best is not None else ""


def _bar(state: RunState, share: float, width: int, signs: Icons) -> tuple[Part, Part]:
    full, rest = signs.bar(share, max(width, 4))
    return (full, STATE_STYLES.get(state.status, "$primary")), (rest, "$border")


def progress(state: RunState, width: int, signs: Icons) -> Section:
    """Epochs and steps as bars."""
    done, of = share_of_epoch(state)
    epochs = f"{state.epoch}/{state.epochs}"
    steps = f"{done:,}/{of:,}"
    room = max(len(epochs), len(steps))
    bar = width - NAME - room - 1
    lines = [
        _row("epoch", f"{epochs:>{room}} ", *_bar(state, state.step / max(state.total_steps, 1), bar, signs)),
        _row("step", f"{steps:>{room}} ", *_bar(state, done / of, bar, signs)),
    ]
    spent, left = duration(state.seconds), left_words(state)
    lines.append(_row("time", _that_fits([f"{spent} · {left}", left] if left else [spent], width - NAME)))
    pace = state.steps_per_second()
    if pace:
        batch = state.started.batch_size if state.started else 0
        words = pace_words(state)
        lines.append(_row("pace", _that_fits([f"{words} · {pace * batch:,.0f} samples/s", words], width - NAME)))
    return Section(90, tuple(lines))


def _that_fits(texts: Sequence[str], width: int) -> str:
    """The first of the texts that fits, else the last."""
    return next((text for text in texts if len(text) <= width), texts[-1])


def _values(values: Values, title: str) -> Section:
    lines = [_row(visible(name)[: NAME - 1], (visible(text), "bold")) for name, text in values]
    return Section(95, (Content.styled(title, "$secondary"), *lines) if title else tuple(lines))


def _about(state: RunState) -> Section:
    started = state.started
    lines = [Content.styled(title_of(state), "bold")]
    if started is not None:
        lines += [Content.styled(visible(text), "$muted") for text in (started.model, started.data) if text]
        parts = [f"{started.parameters:,} parameters"] if started.parameters else []
        lines.append(Content.styled(" · ".join([*parts, visible(started.device)]), "$muted"))
    return Section(40, tuple(lines))


def _steering(state: RunState) -> Section:
    lines: list[Content] = []
    if state.plan is not None:
        hand = " (by hand)" if state.plan.scale != 1.0 or state.plan.held is not None else ""
        lines.append(_row("schedule", visible(state.plan.scheduler.label()), (hand, "$muted")))
    if state.optimizer is not None:
        lines.append(_row("optimizer", visible(state.optimizer.label())))
    lines.append(_row("clip", number(state.clip_grad_norm) if state.clip_grad_norm else "off"))
    return Section(70, tuple(lines))


def _stopping(state: RunState, width: int, signs: Icons) -> Section:
    lines: list[Content] = []
    if state.best is not None:
        lines.append(
            _row(
                "best",
                (number(state.best.value), "bold"),
                (f" {visible(state.best.metric)} @ {state.best.epoch}", "$muted"),
            )
        )
    if state.early_stopping and state.patience:
        count = f"{state.bad_epochs}/{state.patience} "
        full, rest = signs.bar(state.bad_epochs / state.patience, max(width - NAME - len(count), 4))
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


def _layers(state: RunState, width: int, signs: Icons) -> Section:
    """How large each layer's updates are beside its weights; the middle of a bar is about right."""
    if not state.layers or len(state.layers) > MOST_LAYERS:
        return Section(20, ())
    lines = [Content.styled("update / weights of the layers (w)", "$muted")]
    for name, layer in state.layers.items():
        share, style = ratio_bar(layer.update_ratio)
        full, rest = signs.bar(share, max(width - NAME - 9, 4))
        lines.append(
            _row(visible(name)[: NAME - 1], f"{number(layer.update_ratio, 2):<9}", (full, style), (rest, "$border"))
        )
    return Section(20, tuple(lines))


def _warnings(state: RunState) -> Section:
    lines = [Content.styled(f"! not saved: {visible(state.unsaved)}", "$error bold")] if state.unsaved else []
    return Section(100, tuple(lines))


def column(state: RunState, values: Values, heading: str, width: int, height: int, signs: Icons) -> Content:
    """A run as a column. `values` are its numbers, under `heading` where they are not the newest ones."""
    if state.started is None:
        # Nothing is known but its name: zeros would look like numbers.
        return _fit(Content.styled(title_of(state), "bold"), width, signs)
    sections = [
        _about(state),
        _warnings(state),
        progress(state, width, signs),
        _values(values, heading),
        _steering(state),
        _stopping(state, width, signs),
        _resources(state),
        _layers(state, width, signs),
    ]
    kept = [section for section in sections if section.lines]
    while len(kept) > 1 and sum(len(section.lines) + 1 for section in kept) - 1 > height:
        kept.remove(min(kept, key=lambda section: section.weight))
    lines: list[Content] = []
    for section in kept:
        lines += [*([Content("")] if lines else []), *section.lines]
    return Content("\n").join([_fit(line, width, signs) for line in lines[:height]])


def _fit(line: Content, width: int, signs: Icons) -> Content:
    if line.cell_length <= width:
        return line
    return line.truncate(max(width - len(signs.ellipsis), 0)).append(signs.ellipsis[:width])


def lines(state: RunState, values: Values, heading: str, width: int, height: int, signs: Icons) -> Content:
    """A run in at most `height` lines: progress, numbers, steering."""
    done, of = share_of_epoch(state)
    facts = [part for part in (left_words(state), pace_words(state)) if part]
    head = f"epoch {state.epoch}/{state.epochs} " if width >= 60 else f"{state.epoch}/{state.epochs} "
    step = f" step {done:,}/{of:,}" if width >= 60 else f" {done:,}/{of:,}"
    tail = "".join(f"  {fact}" for fact in facts)
    room = width - len(head) - len(step) - len(tail)
    if room < 6:
        tail, room = "", width - len(head) - len(step)
    first = Content.assemble(
        head, *_bar(state, state.step / max(state.total_steps, 1), min(room, 40), signs), step, (tail, "$muted")
    )
    rows = [first, *_flow([_pair(name, text) for name, text in values], width, heading)]
    steer = [_pair("best", f"{number(state.best.value)} @ {state.best.epoch}")] if state.best is not None else []
    if state.early_stopping and state.patience:
        steer.append(_pair("patience", f"{state.bad_epochs}/{state.patience}"))
    if state.plan is not None:
        steer.append(_pair("schedule", visible(state.plan.scheduler.label())))
    if state.clip_grad_norm:
        steer.append(_pair("clip", number(state.clip_grad_norm)))
    rows += _flow(steer, width, "")
    if state.unsaved:
        rows.insert(1, Content.styled(f"! not saved: {visible(state.unsaved)}", "$error bold"))
    return Content("\n").join([_fit(row, width, signs) for row in rows[: max(height, 1)]])


def _pair(name: str, text: str) -> Content:
    return Content.assemble((f"{visible(name)} ", "$muted"), (visible(text), "bold"))


def _flow(pairs: Sequence[Content], width: int, heading: str) -> list[Content]:
    """Pairs side by side, as many in a line as fit."""
    rows: list[Content] = []
    row = Content.styled(heading, "$secondary") if heading else Content("")
    for pair in pairs:
        if row and row.cell_length + 2 + pair.cell_length > width:
            rows.append(row)
            row = Content("")
        row = Content.assemble(row, "  ", pair) if row else pair
    return [*rows, row] if row else rows
