"""The details of the selected item of the home screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui_trainer.lecture.progress import LessonProgress
from tui_trainer.runs.label import label
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.text import cell_width, cut, number, padded, visible
from tui_trainer.ui.keeping.kept_texts import kept_lines
from tui_trainer.ui.screens.home.items import Item, QueueRow, Start
from tui_trainer.ui.screens.home.lines import state_of, what_of
from tui_trainer.ui.screens.home.past import spoken

if TYPE_CHECKING:
    from tui_trainer.ui.copying.texts import Copyable

Lines = Sequence[Content]
NAME_WIDTH = 11
"""Cells of the names at the left, as on the card of a run that starts."""
METRIC_WIDTH = 16
"""Cells of the names of metrics."""


def about(item: Item, preview: Lines = (), known: LessonProgress | None = None) -> Content:
    """Return the details of an item; `preview` are lines about a preset, `known` the reader's work in a lesson."""
    match item:
        case Start():
            return _about_preset(item, preview)
        case RunInfo():
            return _about_run(item)
        case QueueRow():
            return _about_entry(item)
        case LessonInfo():
            from tui_trainer.ui.screens.contents import lesson_about

            return lesson_about(item, seen=known is not None and bool(known.seen))


def brief(item: Item, width: int) -> Content:
    """Return the details of an item in two lines."""
    match item:
        case Start(preset=preset, past=past):
            title = visible(preset.title or preset.name)
            if cell_width(title) + 2 > width:  # the list has cut it
                return Content.assemble((f"{visible(preset.name)} ", "$primary"), title)
            facts = [visible(preset.name), spoken(past.seconds), past.result]
            second = visible(preset.summary)
        case RunInfo():
            state = visible(item.reason) or item.status
            facts = [state, f"epoch {item.epoch}", spoken(item.seconds)]
            second = f"best {_best(item)}" if item.best else visible(label(item.shown, item.started))
        case QueueRow(entry=entry):
            facts, second = [f"q{entry.number}", state_of(item)], visible(what_of(entry))
        case LessonInfo():
            from tui_trainer.ui.screens.contents import lesson_brief

            return lesson_brief(item, width)
    first = cut(" · ".join(fact for fact in facts if fact), width, "…")
    return Content.assemble((first, "$primary"), f"\n{cut(second, width, '…')}")


def copies_of(item: Item) -> list[Copyable]:
    """Return the name, the path and the command of a preset, a lesson or a run."""
    from tui_trainer.ui.copying.texts import preset_copies, run_info_copies

    match item:
        case RunInfo():
            return run_info_copies(item)
        case QueueRow():
            return preset_copies(item.entry.preset)
        case Start():
            return preset_copies(item.preset.name)
        case LessonInfo():
            return preset_copies(item.name)


def _about_preset(item: Start, preview: Lines) -> Content:
    preset = item.preset
    lines = [Content.styled(visible(preset.title or preset.name), "bold"), Content(visible(preset.summary))]
    if preset.variants:
        names = ", ".join(visible(name) for name in preset.variants)
        lines.append(Content.styled(f"{len(preset.variants)} runs side by side: {names}", "$muted"))
    lines += preview
    lines.append(_line("command", f"tui-trainer run {visible(preset.name)}"))
    return Content("\n").join(lines)


def _about_run(item: RunInfo) -> Content:
    name = visible(label(item.shown, item.started))
    lines = [Content.styled(name, "bold"), Content.styled(visible(item.path), "$muted"), Content("")]
    lines.append(Content(f"{item.status}{': ' + visible(item.reason) if item.reason else ''}"))
    spent = f" in {spoken(item.seconds)}" if item.seconds else ""
    lines.append(Content(f"epoch {item.epoch}, step {item.step:,}{spent}"))
    lines += kept_lines(item)
    lines += [_line(visible(name), number(value), METRIC_WIDTH) for name, value in item.metrics.items()]
    if item.best is not None:
        lines.append(_line("best", _best(item), METRIC_WIDTH))
    effect = "join" if item.live else "open"
    return Content("\n").join([*lines, Content(""), Content.styled(f"press enter to {effect}", "$muted")])


def _about_entry(item: QueueRow) -> Content:
    entry = item.entry
    lines = [Content.styled(f"q{entry.number} {visible(entry.preset)}", "bold"), Content(state_of(item))]
    for name, text in (("changes", " ".join(entry.changes)), ("run", entry.name), ("added", entry.added)):
        if text:
            lines.append(_line(name, visible(text)))
    effects = {"training": "press enter to watch it", "waiting": "enter asks what becomes of it; x removes it"}
    effect = effects.get(entry.state, "x takes it off the list; its run stays")
    return Content("\n").join([*lines, Content(""), Content.styled(effect, "$muted")])


def _line(name: str, text: str, width: int = NAME_WIDTH) -> Content:
    return Content.assemble((padded(name, width), "$muted"), text)


def _best(item: RunInfo) -> str:
    best = item.best or {}
    value = best.get("value")
    shown = number(value) if isinstance(value, float) else str(value)
    return visible(f"{best.get('metric', '')} {shown} in epoch {best.get('epoch', '')}")
