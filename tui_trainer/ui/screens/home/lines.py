"""The lines of the home screen, fitted to its width."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from tui_trainer.lecture.progress import LessonProgress
from tui_trainer.queueing.entries import Entry
from tui_trainer.runs.keeping.disk_use import size_text
from tui_trainer.runs.keeping.spans import span_text
from tui_trainer.runs.label import label, short_name
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.text import cell_width, cut, padded, visible
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.keeping.kept_texts import tags_text
from tui_trainer.ui.keeping.run_figures import Figures
from tui_trainer.ui.render.sparkline import sparkline
from tui_trainer.ui.screens.home.items import Item, QueueRow, Start, key_of
from tui_trainer.ui.screens.home.past import result_of, spoken

WIDE = 64
"""Cells of a line that has room for the name, the usual time and the last result of a preset, beside its title."""
NAME_WIDTH = 30
"""Cells of the name of a run, `digits-cnn d0be · today 19:16`, or of an entry of the queue."""
CURVE_WIDTH = 8
"""Cells of the curve of a run."""
WITH_TIME = 90
"""Cells of a line that has room for the duration of a run beside its result, curve and size."""
_ENTRY_STYLES = {"training": "$success", "failed": "$error bold", "done": "$primary"}
_ENTRY_STATES = {"training": "running", "failed": "failed", "done": "finished"}


def line_of(
    item: Item,
    width: int,
    icons: Icons,
    figures: Figures | None = None,
    known: LessonProgress | None = None,
    *,
    in_set: bool = False,
) -> Content:
    """Return the line of an item.

    Args:
        item: the item.
        width: cells of the line.
        icons: the signs of states.
        figures: curve and size of a run, None until they are read.
        known: the work of the reader in a lesson.
        in_set: whether the run stands under the heading of its set.
    """
    match item:
        case Start():
            return _preset(item, width, icons)
        case RunInfo():
            return _run(item, width, icons, figures, in_set)
        case QueueRow():
            return _entry(item, width, icons)
        case LessonInfo():
            from tui_trainer.ui.screens.contents import lesson_line, ticks

            return lesson_line(item, width, ticks(known, icons))


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


def set_headings(items: Sequence[Item]) -> dict[str, str]:
    """Return the headings of sets by the id of the run above which each stands."""
    sets: dict[str, list[RunInfo]] = {}
    for item in items:
        if isinstance(item, RunInfo) and item.group:
            sets.setdefault(item.group, []).append(item)
    return {key_of(members[0]): _heading(members) for members in sets.values()}


def _heading(members: Sequence[RunInfo]) -> str:
    title = label(members[0].shown_group, min(info.started for info in members))
    return f"  {title} ({len(members)} run{'s' if len(members) != 1 else ''})"


def _run(item: RunInfo, width: int, icons: Icons, figures: Figures | None, in_set: bool) -> Content:
    """Return name, result, curve and size of a run; in a narrow line its sign alone tells the state."""
    sign = (icons.state(item.status), STATE_STYLES.get(item.status, "$muted"))
    name = visible(f"  {item.shown.rpartition('/')[2]}" if in_set else label(item.shown, item.started))
    if width < WIDE:
        return Content.assemble(sign, f" {name if cell_width(name) + 2 <= width else visible(short_name(item.shown))}")
    known = figures or Figures()
    curve = sparkline(known.curve, CURVE_WIDTH, icons.ascii) if known.curve else ""
    size = size_text(known.size) if known.size else ""  # a run that is starting may have no folder
    time = f"{span_text(item.seconds) if item.seconds else '':>6} " if width >= WITH_TIME else ""
    state = "starting" if item.starting else visible(item.reason) or item.status
    result = f"{cut(result_of([item]), 10, icons.ellipsis):>10}"
    room = max(width - len(result) - len(time) - CURVE_WIDTH - 13, NAME_WIDTH)  # a long name pushes the rest aside
    return Content.assemble(
        "  ",
        sign,
        f" {padded(cut(name, room, icons.ellipsis), NAME_WIDTH)} ",
        f"{result} ",
        (time, "$muted"),
        (padded(curve, CURVE_WIDTH), "$primary"),
        (f" {size:>6} ", "$muted"),
        (tags_text(item), "$secondary"),
        (f"{state} · epoch {item.epoch}", "$muted"),
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
