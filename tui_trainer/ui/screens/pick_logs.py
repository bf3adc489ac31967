"""Choose some of many logs, before the charts: a list with a filter."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.text import visible
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.terminal.one_shot import call_after

IMPORT_DELAY = 0.1
"""Seconds after which the list has been drawn, and the charts are imported while the user chooses."""


class _Choices(OptionList):
    """The list. Space chooses, enter ends the choice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "app.choose", show=False),
        Binding("enter", "app.take", show=False),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]


class PickLogs(App[list[int]]):
    """Answers with the positions of the chosen names; with none where the user leaves.

    Args:
        title: the first line.
        names: what there is to choose from.
        most: how many may be chosen.
    """

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", show=False),
        Binding("escape", "close_filter", show=False),
        Binding("q", "leave", show=False),
    ]
    CSS = """
    PickLogs { background: ansi_default; }
    #title, #hints, #filter { height: 1; border: none; padding: 0 1; }
    #title { text-style: bold; }
    #filter { display: none; }
    #filter.-shown { display: block; }
    _Choices { height: 1fr; border: none; padding: 0 1; }
    """

    def __init__(self, title: str, names: Sequence[str], most: int) -> None:
        super().__init__()
        self._heading = title
        self._names = [visible(name) for name in names]
        self._most = most
        self._chosen: dict[int, None] = {}
        self._shown: list[int] = []
        """Positions of the names that the filter leaves."""

    def compose(self) -> ComposeResult:
        """Yield title, filter, list and hints."""
        yield Static(Content(visible(self._heading)), id="title")
        yield Input(placeholder="part of a name", id="filter")
        yield _Choices()
        yield Static(id="hints")

    def on_mount(self) -> None:
        """Fill the list."""
        self._fill("")
        self.query_one(_Choices).focus()
        call_after(self, IMPORT_DELAY, lambda: BackgroundCall(_import_charts))

    def _fill(self, part: str) -> None:
        part = part.strip().casefold()
        choices = self.query_one(_Choices)
        choices.clear_options()
        self._shown = [index for index, name in enumerate(self._names) if part in name.casefold()]
        choices.add_options(Option(self._line(index)) for index in self._shown)
        if choices.option_count:
            choices.highlighted = 0
        self._hint()

    def _line(self, index: int) -> Content:
        return Content(f"{'[x]' if index in self._chosen else '[ ]'} {self._names[index]}")

    def _hint(self, said: str = "") -> None:
        said = said or f"{len(self._shown)} of {len(self._names)}"
        text = f"{said} · {len(self._chosen)} chosen · space choose · enter open · / filter · esc back · q leave"
        self.query_one("#hints", Static).update(Content(text))

    def action_choose(self) -> None:
        """Choose the highlighted name, or choose it no longer."""
        at = self.query_one(_Choices).highlighted
        if at is not None:
            self._choose(at)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._choose(event.option_index)

    def _choose(self, at: int) -> None:
        index = self._shown[at]
        if index in self._chosen:
            del self._chosen[index]
        elif len(self._chosen) >= self._most:
            self._hint(f"no more than {self._most} can be drawn together")
            return
        else:
            self._chosen[index] = None
        self.query_one(_Choices).replace_option_prompt_at_index(at, self._line(index))
        self._hint()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    @on(Input.Submitted, "#filter")
    def _submitted(self) -> None:
        self.query_one(_Choices).focus()

    def action_filter(self) -> None:
        """Show the filter."""
        field = self.query_one("#filter", Input)
        field.add_class("-shown")
        field.focus()

    def action_close_filter(self) -> None:
        """Take the filter away; without one, leave."""
        field = self.query_one("#filter", Input)
        if not field.has_class("-shown"):
            self.action_leave()
            return
        field.value = ""
        field.remove_class("-shown")
        self.query_one(_Choices).focus()

    def action_leave(self) -> None:
        """Leave without a choice."""
        self.exit([])

    def action_take(self) -> None:
        """Answer with what was chosen, or with the highlighted name."""
        choices = self.query_one(_Choices)
        if not self._chosen and choices.highlighted is not None:
            self._chosen[self._shown[choices.highlighted]] = None
        if self._chosen:
            self.exit(sorted(self._chosen))


def _import_charts() -> None:
    """Import what shows the chosen logs."""
    for name in ("ui.run_app", "ui.dashboard.screen", "session.logs.log_session", "session.multi"):
        importlib.import_module(f"tui_trainer.{name}")
    from tui_trainer.ui.render.plot import load_plotext

    load_plotext()
