"""The page of the answers: what was asked, the worst samples, and the summaries of all of them."""

from __future__ import annotations

from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import ANSWERS, Answers, drawing_of
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.answers.question import NO_SAMPLES, has_samples
from tui_trainer.ui.answers.samples import sample_lines, written_lines
from tui_trainer.ui.answers.summaries import class_lines, confusion_lines, residual_lines, scatter_lines
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.log_pane import wrap


class AnswersPage:
    """Makes the text of the page, and keeps the last one: the answers change far less often than the screen."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._body: list[Content] = []

    def text(self, state: RunState, width: int, icons: Icons, keymap: Keymap, palette: Palette) -> Content:
        """Return the page of a run in lines of at most `width` cells."""
        event = state.pictures.get(ANSWERS)
        if event is None:
            lines = wrap(_no_answers(state, keymap), max(width, 8))
            return Content("\n").join([Content.styled(line.rstrip(), "$muted") for line in lines])
        shown = (state.run, event.seq, event.step, width, icons, palette)
        if shown != self._of:
            self._of, self._body = shown, _body(state, event, width, icons, palette)
        head = wrap(_head(state, event, keymap), max(width, 8))
        return Content("\n").join([*(Content.styled(line.rstrip(), "$muted") for line in head), *self._body])


def _no_answers(state: RunState, keymap: Keymap) -> str:
    if state.started is not None and not has_samples(state.started.task):
        return f"{NO_SAMPLES.capitalize()}."
    if state.over:
        return 'This run has recorded no answers. A preset with pictures = ["answers"] records some while it trains.'
    key = shown_key(BY_ID["ask"], keymap)
    if any(ANSWERS in branch.pictures for branch in state.undone):
        return f"The answers came after the step that the undo went back to. {key} asks again."
    return f"Nothing was asked yet. {key} asks the model: validation samples, a typed row, or a prompt."


def _head(state: RunState, event: PictureTaken, keymap: Keymap) -> str:
    """Return when the answers were given, and the key that asks again."""
    key = shown_key(BY_ID["ask"], keymap)
    return f"step {event.step:,}, epoch {event.epoch}" + ("" if state.over else f"; {key} asks again")


def _body(state: RunState, event: PictureTaken, width: int, icons: Icons, palette: Palette) -> list[Content]:
    drawing = drawing_of(event)
    if not isinstance(drawing, Answers):
        return [Content.styled("unknown kind of answers: recorded by another version"[:width], "$muted")]
    numbers = "  ".join(
        f"{name} {number(value)}" for name, value in event.numbers.items() if "/" not in name and value is not None
    )
    lines = [Content.styled(line.rstrip(), "bold") for line in wrap(visible(numbers), max(width, 8))]

    def section(title: str, rows: list[Content]) -> None:
        if rows:
            lines.extend([Content(""), Content.styled(title[:width], "$secondary"), *rows])

    colors = palette.grounds
    section("chosen", sample_lines(drawing.chosen, drawing, width, icons, colors=colors))
    section("written after the prompt", written_lines(drawing.written, width, icons))
    section(
        f"worst of {drawing.count:,}, by {visible(drawing.measure)}",
        sample_lines(drawing.worst, drawing, width, icons, colors=colors),
    )
    section("precision and recall", class_lines(drawing.classes, width, icons) if drawing.classes else [])
    if drawing.table is not None:
        section("", confusion_lines(state, event, drawing.table, width, palette))
    if drawing.points is not None:
        section("", scatter_lines(state, event, drawing.points, width, palette))
    if drawing.residuals is not None:
        section("residuals: predicted - true", residual_lines(drawing.residuals.groups[0], width, icons))
    return lines
