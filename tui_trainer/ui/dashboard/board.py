"""The board: all widgets between the header and the footer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.content import Content

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import Keymap
from tui_trainer.ui.cards.card_of import card_at_end
from tui_trainer.ui.cards.recent_runs import RecentRuns
from tui_trainer.ui.cards.start_card import StartCard, announced_run
from tui_trainer.ui.charts.palette import Palette, palette
from tui_trainer.ui.charts.registry import MAX_PICTURES, ChartKind, Pane, PicturePane, chart_data, values_at
from tui_trainer.ui.dashboard.layout import Arrangement
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.lecture.narration import Narration
from tui_trainer.ui.panels.findings import findings_page
from tui_trainer.ui.panels.intervention_card import card
from tui_trainer.ui.panels.layers_table import layers_table
from tui_trainer.ui.panels.log_pane import LogPane
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.ui.panels.runs_list import runs_list
from tui_trainer.ui.panels.startup import StartupPanel
from tui_trainer.ui.panels.status import status_column, status_lines
from tui_trainer.ui.render.chart_widget import Chart, Source
from tui_trainer.ui.render.raster import GlyphName

MAX_OTHER_LOSSES = 8
"""The losses of at most so many other runs are listed with the numbers of the selected one."""
MIN_NARRATION_FOR_CARD = 4
"""Lines of the shortest narration that a card may replace."""
CARD_HEIGHT = 6
"""Lines of the card of an intervention."""
_POSITION = ("step", "epoch", "time")


class Board(Horizontal):
    """Lays out and draws charts, numbers, log, card and summary; each widget repaints only where its text differs."""

    DEFAULT_CSS = """
    Board { height: 1fr; background: $background; }
    Board #left { width: 1fr; height: 1fr; }
    Board #charts { height: 1fr; grid-gutter: 0 2; padding: 0 1; }
    Board #layers, Board #diagnosis { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    Board #layers Panel, Board #diagnosis Panel { height: auto; }
    Board #numbers { padding: 0 1; }
    Board #card { height: auto; padding: 0 1; background: $panel; }
    Board #summary { height: auto; padding: 0 1; background: $panel; }
    Board #log-title { height: 1; padding: 0 1; color: $border; }
    Board #log { padding: 0 1; }
    Board #column { height: 1fr; padding: 0 1; background: $surface; margin-left: 1; }
    """

    def __init__(
        self,
        view_state: ViewState,
        icons: Icons,
        keymap: Keymap,
        glyphs: GlyphName = "braille",
        recent: RecentRuns | None = None,
    ) -> None:
        super().__init__()
        self._keymap = keymap
        self._glyphs: GlyphName = glyphs
        self._recent = recent or RecentRuns()
        self._start_card = StartCard()
        self._state = view_state
        self._icons = icons
        self._arrangement: Arrangement | None = None

    def compose(self) -> ComposeResult:
        """Yield every widget of the board; `apply_layout` decides which are visible."""
        with Vertical(id="left"):
            yield StartupPanel(id="starting")
            yield Grid(*self._charts(), id="charts")
            yield VerticalScroll(Panel(id="layers-table"), id="layers", can_focus=False)
            yield VerticalScroll(Panel(id="findings"), id="diagnosis", can_focus=False)
            yield Narration(id="narration")
            yield Panel(id="card")
            yield Panel(id="summary")
            yield Panel(id="numbers")
            yield Panel(Content("log"), id="log-title")
            yield LogPane(id="log")
        yield Panel(id="column")

    def _charts(self) -> Iterator[Chart]:
        """Yield the charts with the pictures between the first of them: the most important first."""
        for index, kind in enumerate(ChartKind):
            yield Chart(kind.key, kind, glyphs=self._glyphs, id=f"chart-{kind}")
            if index < MAX_PICTURES:
                yield Chart(0, "picture", glyphs=self._glyphs, id=f"picture-{index}")

    def apply_layout(self, arrangement: Arrangement) -> None:
        """Show, hide and size the widgets."""
        self._arrangement = arrangement
        view_state, state, starting = self._state, self._state.selected_run, self._state.starting
        page = view_state.layers or view_state.diagnosis
        grid = self.query_one("#charts", Grid)
        grid.display = bool(arrangement.charts) and not starting and not page
        grid.styles.grid_size_columns = max(arrangement.columns, 1)
        grid.styles.grid_size_rows = max(arrangement.rows, 1)
        visible_ids = self._panes_by_widget()
        for chart in self.query(Chart):
            chart.display = chart.id in visible_ids
        self.query_one("#layers").display = view_state.layers and not starting
        self.query_one("#diagnosis").display = view_state.diagnosis and not starting
        self.query_one("#starting").display = starting
        in_column = arrangement.status == "column"
        numbers, side = self.query_one("#numbers"), self.query_one("#column")
        numbers.display = not in_column and arrangement.status_size > 0 and not starting
        numbers.styles.height = max(arrangement.status_size, 1)
        side.display = in_column and not starting
        side.styles.width = arrangement.status_size
        roomy = arrangement.charts > 0 and (arrangement.log > 0 or arrangement.narration >= MIN_NARRATION_FOR_CARD)
        # The last remark of a lesson is its summary.
        over = state is not None and state.over and view_state.summary and roomy and not arrangement.narration
        open_card = view_state.mark is not None and not starting and roomy
        log = self.query_one("#log")
        log.styles.height = "1fr" if starting else arrangement.log
        narration = self.query_one("#narration")
        narration.display = arrangement.narration > 0 and not starting and not open_card
        narration.styles.height = max(arrangement.narration, 1)
        # Card and summary take the space of the log, so that the charts do not move.
        log.display = (arrangement.log > 0 or starting) and not open_card and not (over and not in_column)
        self.query_one("#log-title").display = log.display and arrangement.log_title
        self.query_one("#summary").display = over and not open_card
        card_panel = self.query_one("#card")
        card_panel.display = open_card
        if open_card:
            height = min(arrangement.below, CARD_HEIGHT)
            rest = arrangement.below - height
            card_panel.styles.height = height
            numbers.display, numbers.styles.height = rest > 0 and not in_column, max(rest, 1)
            log.display, log.styles.height = rest > 0 and in_column, max(rest, 1)

    def _panes_by_widget(self) -> dict[str, Pane]:
        """Return the visible panes by the id of the widget that shows each."""
        panes = self._visible_panes()
        pictures = [pane for pane in panes if isinstance(pane, PicturePane)]
        charts: dict[str, Pane] = {f"chart-{pane}": pane for pane in panes if not isinstance(pane, PicturePane)}
        return charts | {f"picture-{index}": picture for index, picture in enumerate(pictures)}

    def _visible_panes(self) -> tuple[Pane, ...]:
        maximized = self._state.maximized
        if maximized is not None:
            return (maximized,)
        return self._state.panes[: self._arrangement.charts if self._arrangement is not None else 0]

    @property
    def chart_width(self) -> int:
        """Columns of the plot area of a visible chart."""
        return next((chart.area.columns for chart in self.query(Chart) if chart.display and chart.size.width), 60)

    def draw_starting(self) -> None:
        """Draw the spinner and the state of the start."""
        store = self._state.store
        error = "" if store.connected else store.error
        run = announced_run(store.session, self._state.selected_run)
        known = self._start_card.lines(run, max(self.size.width - 4, 8), self.size.height - 5, self._icons)
        self.query_one(StartupPanel).say(self._state.selected_run, self._icons, error, known)

    def draw(self, hints: Sequence[str] = ()) -> None:
        """Draw the visible widgets from the present states; `hints` name the keys of a lesson."""
        view_state, state = self._state, self._state.selected_run
        if view_state.starting:
            self.draw_starting()
        if state is None:
            return
        self._draw_charts()
        self._draw_numbers(state)
        self.query_one(LogPane).show(state.log)
        title = self.query_one("#log-title", Panel)
        rule = self._icons.rule * max(title.size.width - 6, 0)
        title.show(Content.assemble(("log ", "bold $foreground"), (rule, "$border")))
        self.query_one(Narration).draw(view_state.narrator, hints)
        if view_state.mark is not None:
            panel = self.query_one("#card", Panel)
            panel.show(card(state, view_state.mark, max(panel.size.width, 20)))
        if state.over:
            panel = self.query_one("#summary", Panel)
            width, height = max(panel.size.width, 20), self.size.height
            panel.show(card_at_end(view_state, width, height, self._icons, self._keymap, self._recent), layout=True)
        if view_state.layers:
            panel = self.query_one("#layers-table", Panel)
            panel.show(layers_table(state.layers, max(panel.size.width, 20), self._icons), layout=True)
        if view_state.diagnosis:
            panel = self.query_one("#findings", Panel)
            page = findings_page(state, max(panel.size.width, 20), self._icons, self._keymap)
            panel.show(page, layout=True)

    def _draw_charts(self) -> None:
        for widget_id, pane in self._panes_by_widget().items():
            self.query_one(f"#{widget_id}", Chart).show(self._source(pane))

    def _source(self, pane: Pane) -> Source:
        state = self._state
        return lambda width, height: chart_data(
            pane, state.drawn_states, state.selected_index, state.view, width, height
        )

    def _draw_numbers(self, state: RunState) -> None:
        view_state = self._state
        others = max(len(view_state.states) - 1, 0)
        values = values_at(view_state.drawn_states, view_state.selected_index, view_state.view)
        # Of many runs, only the list of runs in the column has room for the losses of the others.
        values = values if others <= MAX_OTHER_LOSSES else values[: len(values) - others]
        heading = ""
        if view_state.view.cursor is not None:
            heading = "at " + ", ".join(f"{name} {text}" for name, text in values if name in _POSITION)
        numbers = [(name, text) for name, text in values if name not in _POSITION]
        for panel in self.query("#numbers, #column").results(Panel):
            width, height = panel.size
            if not panel.display or not width or not height:
                continue
            if panel.id == "numbers":
                panel.show(status_lines(state, numbers, heading, width, height, self._icons))
                continue
            rows = runs_list(
                view_state.states,
                view_state.selected_index,
                width,
                self._icons,
                self.palette,
                most=max(height // 3, 3),
                steer_all=view_state.steer_all,
            )
            rest = height - len(rows) - bool(rows)
            text = status_column(state, numbers, heading, width, rest, self._icons)
            panel.show(Content("\n").join([*rows, Content(""), text]) if rows else text)

    @property
    def palette(self) -> Palette:
        """The colours of the curves, also used for the names of the runs."""
        app = self.app
        return palette(
            app.current_theme.dark, depth="none" if app.no_color else "16" if app.native_ansi_color else "full"
        )
