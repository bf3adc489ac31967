"""Compose a chart: mark series in a list that is filtered as one types, then choose axis, scale and smoothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from tui_trainer.state.series_names import title_of
from tui_trainer.text import visible
from tui_trainer.ui.charts.composed.catalog import natural
from tui_trainer.ui.charts.composed.own import MAX_TITLE, title_for, title_problem
from tui_trainer.ui.charts.composed.series_chart import MAX_SERIES, SeriesChart
from tui_trainer.ui.charts.view import AXES, SMOOTHING
from tui_trainer.ui.forms.choice import Choice
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.list_keys import follow
from tui_trainer.ui.forms.list_lines import ListLines
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.fuzzy import ranked_prepared
from tui_trainer.ui.screens.dialogs.base import Dialog

SAME = "as the others"
_LOG: dict[str, bool | None] = {"auto": None, "logarithmic": True, "linear": False}
UNKNOWN = "not recorded by this run"

Line = tuple[str, bool]
"""The name of a series, and whether it is marked."""


class FindEntry(TextEntry):
    """The text entry of the list: up and down move in the list, not between the fields."""

    BINDINGS = []  # noqa: RUF012

    def on_key(self, event: Key) -> None:
        """Move in the list."""
        follow(self.screen.query_one(LongList), event)


class ComposeChart(Dialog[SeriesChart]):
    """Answers with the chart.

    Args:
        newest: the series of the run with their newest values as text.
        chart: the chart to edit; None for a new one.
        taken: the titles of the other charts.
        columns: the recorded columns that the run can be drawn over.
    """

    DEFAULT_CSS = """
    ComposeChart > #frame { width: 84; }
    ComposeChart .row { height: 1; }
    ComposeChart .name { width: 12; color: $muted; }
    ComposeChart TextEntry, ComposeChart Choice { width: 1fr; }
    ComposeChart #series { height: 40vh; min-height: 2; margin: 0 0 1 0; }
    ComposeChart LongList { height: 1fr; width: 1fr; }
    ComposeChart.-short #series { height: 30vh; margin: 0; }
    """

    HINTS = "enter mark · tab fields · esc cancel · enter in a field keeps · type to find"

    def __init__(
        self,
        newest: Mapping[str, str],
        chart: SeriesChart | None = None,
        taken: Sequence[str] = (),
        columns: Sequence[str] = (),
    ) -> None:
        super().__init__("Chart" if chart is None else f"Chart: {visible(chart.title)}")
        self._newest = newest
        self._chart = chart or SeriesChart("", (), own=True)
        self._taken = taken
        self._axes = {SAME: None, **{title_of(axis): axis for axis in (*AXES, *columns)}}
        if self._chart.axis is not None:
            self._axes.setdefault(title_of(self._chart.axis), self._chart.axis)
        widths = {0: "none", **{width: f"{width} steps" for width in (*SMOOTHING[1:], self._chart.smoothing) if width}}
        self._smoothing: dict[str, int | None] = {SAME: None, **{text: width for width, text in widths.items()}}
        self._marked = list(self._chart.series)
        others = sorted((name for name in newest if name not in self._marked), key=natural)
        self._names = [*self._marked, *others]
        self._lines: ListLines[Line] = ListLines(lambda line: line[0], lambda line: (line[0],), self._content)

    def inside(self) -> list[Widget]:
        """Return the entry that finds series, their list, and the fields of the chart."""
        chart = self._chart
        axis = next((name for name, axis in self._axes.items() if axis == chart.axis), SAME)
        log = next(name for name, log in _LOG.items() if log is chart.log)
        width = next((name for name, width in self._smoothing.items() if width == chart.smoothing), SAME)
        fields: dict[str, Widget] = {
            "title": TextEntry(chart.title, placeholder=title_for([], ()), max_length=MAX_TITLE, id="title"),
            "x axis": Choice(tuple(self._axes), axis, id="axis"),
            "y axis": Choice(tuple(_LOG), log, id="log"),
            "smoothing": Choice(tuple(self._smoothing), width, id="smoothing"),
        }
        return [
            _Row("series", FindEntry(placeholder="type to find", id="find")),
            Vertical(LongList(letters=False, search=False, markup=False, compact=True), id="series"),
            *(_Row(name, field) for name, field in fields.items()),
        ]

    def on_mount(self) -> None:
        """List the series, the marked ones first."""
        super().on_mount()
        self.query_one(LongList).can_focus = False
        self._list()
        self.query_one("#find").focus()
        self._propose_title()

    def _content(self, line: Line) -> Content:
        name, marked = line
        value = self._newest.get(name, UNKNOWN)
        return Content.assemble(
            ("x " if marked else "  ", "bold $primary"),
            (visible(name), "bold" if marked else ""),
            (f"  {value}", "$muted"),
        )

    def _list(self) -> None:
        marked = set(self._marked)
        lines = [self._lines.of((name, name in marked)) for name in self._names]
        found = ranked_prepared(self.query_one("#find", TextEntry).value, lines, lambda line: line.texts)
        options = [line.option for line in found] or [self._lines.heading("no series matches", "$muted")]
        self.query_one(LongList).show(options)

    def _propose_title(self) -> None:
        self.query_one("#title", TextEntry).placeholder = title_for(self._marked, self._taken)

    @on(Input.Changed, "#find")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._list()

    @on(Input.Submitted, "#find")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        option = self.query_one(LongList).highlighted_option
        self._mark(option.id if option is not None else None)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._mark(event.option.id)

    def _mark(self, name: str | None) -> None:
        """Mark a series, or take its mark away."""
        if name is None:
            return
        if name in self._marked:
            self._marked.remove(name)
        elif len(self._marked) >= MAX_SERIES:
            self.show_error(f"a chart has up to {MAX_SERIES} series; take the mark of another one away")
            return
        else:
            self._marked.append(name)
        self.show_error("")
        self._list()
        self._propose_title()

    @on(Input.Submitted, "#title")
    @on(Choice.Submitted)
    def _keep(self, event: Input.Submitted | Choice.Submitted) -> None:
        event.stop()
        title = self.query_one("#title", TextEntry).value.strip() or title_for(self._marked, self._taken)
        problem = title_problem(title, self._taken)
        if not self._marked:
            problem = "no series is marked; enter marks one in the list"
        if problem:
            self.show_error(problem)
            return
        self.answer(
            SeriesChart(
                title,
                tuple(self._marked),
                axis=self._axes[self.query_one("#axis", Choice).value],
                log=_LOG[self.query_one("#log", Choice).value],
                smoothing=self._smoothing[self.query_one("#smoothing", Choice).value],
                own=True,
            )
        )


class _Row(Horizontal):
    """A field with its name."""

    def __init__(self, name: str, field: Widget) -> None:
        super().__init__(classes="row")
        self._label = name
        self._field = field

    def compose(self) -> ComposeResult:
        yield Static(Content(self._label), classes="name")
        yield self._field
