"""The lines of the home screen, fitted to its width."""

from __future__ import annotations

from textual.content import Content

from tui_trainer.queueing.entries import Entry
from tui_trainer.runs.label import label, short_name
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.text import cell_width, cut, number, padded, visible
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.keeping.kept_texts import tags_text
from tui_trainer.ui.screens.home.items import Item, QueueRow, Start
from tui_trainer.ui.screens.home.past import spoken

WIDE = 64
"""Cells of a line that has room for the name, the usual time and the last result of a preset, beside its title."""
NAME_WIDTH = 30
"""Cells of the name of a run, `digits-cnn d0be · today 19:16`, or of an entry of the queue."""
_ENTRY_STYLES = {"training": "$success", "failed": "$error bold", "done": "$primary"}
_ENTRY_STATES = {"training": "running", "failed": "failed", "done": "finished"}


def line_of(item: Item, width: int, icons: Icons) -> Content:
    """Return the line of an item."""
    match item:
        case Start():
            return _preset(item, width, icons)
        case RunInfo():
            return _run(item, width, icons)
        case QueueRow():
            return _entry(item, width, icons)
        case LessonInfo():
            from tui_trainer.ui.screens.contents import lesson_line

            return lesson_line(item, width)


def _preset(item: Start, width: int, icons: Icons) -> Content:
    """Return the title where there is room for little else: it says more than the name."""
    star = icons.star if item.first else " "
    preset, past = item.preset, item.past
    title = visible(preset.title or preset.name)
    if width < WIDE:
        mark = f"{star} " if item.first or cell_width(title) + 2 <= width else " "
        return Content.assemble((mark, "$warning"), title)
    result = past.result or (f"{len(preset.variants)} runs" if preset.variants else "")
    name = padded(cut(visible(preset.name), 16, "…"), 16)
    return Content.assemble(
        (f"{star} ", "$warning"),
        f"{name} ",
        (f"{spoken(past.seconds):>6}  ", "$muted"),
        f"{result:>10}  ",
        (title, "$muted"),
    )


def _run(item: RunInfo, width: int, icons: Icons) -> Content:
    """Return the name and the state of a run; in a narrow line its sign alone tells the state."""
    sign = (icons.state(item.status), STATE_STYLES.get(item.status, "$muted"))
    name = visible(label(item.shown, item.started))
    if width < WIDE:
        return Content.assemble(sign, f" {name if cell_width(name) + 2 <= width else visible(short_name(item.shown))}")
    best = ""
    if item.best and "value" in item.best:
        metric = visible(str(item.best.get("metric", ""))).replace("_", " ")
        best = f" · best {metric} {number(float(item.best['value']))}"
    state = "starting" if item.starting else visible(item.reason) or item.status
    return Content.assemble(
        "  ",
        sign,
        f" {padded(name, NAME_WIDTH)} ",
        (tags_text(item), "$secondary"),
        (f"{state} · epoch {item.epoch}{best}", "$muted"),
    )


def _entry(item: QueueRow, width: int, icons: Icons) -> Content:
    """Return the number, the preset and the state of an entry."""
    entry = item.entry
    sign = (icons.state(_ENTRY_STATES.get(entry.state, "")), _ENTRY_STYLES.get(entry.state, "$muted"))
    name = f"q{entry.number} {visible(what_of(entry))}"
    if width < WIDE:
        return Content.assemble(sign, f" {name}")
    return Content.assemble(
        "  ",
        sign,
        f" {padded(name, NAME_WIDTH)} ",
        (state_of(item), "$muted"),
    )


def what_of(entry: Entry) -> str:
    """Return the preset of an entry with its changes."""
    return " ".join((entry.preset, *entry.changes))


def state_of(item: QueueRow) -> str:
    """Return what becomes of an entry, in a few words."""
    entry = item.entry
    if entry.state == "training" and not item.working:
        return "cut off; enter starts the queue"
    if entry.state == "failed":
        return visible(f"failed: {entry.reason}" if entry.reason else "failed")
    return "waiting" if entry.state == "waiting" else entry.state
