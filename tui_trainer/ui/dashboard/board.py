"""The board: all widgets between the header and the footer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import monotonic

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.cards.card_of import card_at_end
from tui_trainer.ui.cards.recent_runs import RecentRuns
from tui_trainer.ui.cards.start_card import StartCard, announced_run
from tui_trainer.ui.charts.model import Area
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.charts.readout import series_label
from tui_trainer.ui.charts.registry import (
    MAX_PICTURES,
    ChartKind,
    Pane,
    PicturePane,
    SeriesChart,
    chart_data,
    values_at,
)
from tui_trainer.ui.dashboard.layout import Arrangement, chart_cells
from tui_trainer.ui.dashboard.own_cost import OwnCost
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.lecture.narration import Narration
from tui_trainer.ui.pages.page_text import charts_heading, page_note, page_text, page_title
from tui_trainer.ui.panels.intervention_card import card
from tui_trainer.ui.panels.log_pane import LogPane
from tui_trainer.ui.panels.numbers_table import BestValues, number_rows
from tui_trainer.ui.panels.panel import Panel, rule
from tui_trainer.ui.panels.runs_list import runs_list
from tui_trainer.ui.panels.sparklines import sparkline_rows
from tui_trainer.ui.panels.startup import StartupPanel
from tui_trainer.ui.panels.status import Numbers, status_column, status_lines, with_message
from tui_trainer.ui.render.chart_grid import ChartGrid
from tui_trainer.ui.render.chart_widget import Chart, Source
from tui_trainer.ui.render.raster import GlyphName
from tui_trainer.ui.render.theme_palette import theme_palette

MAX_OTHER_LOSSES = 8
"""The losses of at most so many other runs are listed with the numbers of the selected one."""
MIN_NARRATION_FOR_CARD = 4
"""Lines of the shortest narration that a card may replace."""
LAST_DIGIT = 9
"""Largest number of a chart that a key opens."""
CARD_HEIGHT = 6
"""Lines of the card of an intervention."""
_POSITION = ("step", "epoch", "time")


class Board(Horizontal):
    """Lays out and draws charts, numbers, pages, log, card and summary.

    Each widget repaints only where its text differs.
    """

    DEFAULT_CSS = """
    Board { height: 1fr; background: $background; }
    Board #left { width: 1fr; height: 1fr; }
    Board #rail { height: 1fr; background: $surface; margin-left: 1; }
    Board .page { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    Board .page Panel { height: auto; }
    Board .title { height: 1; padding: 0 1; color: $border; }
    Board #numbers, Board #sparklines, Board #column { padding: 0 1; }
    Board #card { height: auto; padding: 0 1; background: $panel; }
    Board #summary { height: auto; padding: 0 1; background: $panel; }
    Board #log { padding: 0 1; }
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
        self._cost = OwnCost(lambda: getattr(self.app, "bytes_sent", 0))
        self._start_card = StartCard()
        self._state = view_state
        self._icons = icons
        self._arrangement: Arrangement | None = None
        self._best = BestValues()

    def compose(self) -> ComposeResult:
        """Yield every widget of the board; `apply_layout` decides which are visible."""
        with Vertical(id="left"):
            yield StartupPanel(id="starting")
            yield Panel(id="numbers")
            yield Panel(id="charts-title", classes="title")
            yield ChartGrid(*self._charts(), id="charts")
            yield Panel(id="sparklines")
            yield Narration(id="narration")
            yield Panel(id="card")
            yield Panel(id="summary")
            yield Panel(id="log-title", classes="title")
            yield LogPane(plain=self._icons.ascii, id="log")
            yield Panel(id="page-title", classes="title")
            yield VerticalScroll(Panel(id="page-text"), id="page", classes="page", can_focus=False)
        with Vertical(id="rail"):
            yield Panel(id="column")
            yield Panel(id="rail-title", classes="title")
            yield VerticalScroll(Panel(id="rail-text"), id="rail-page", classes="page", can_focus=False)

    def on_mount(self) -> None:
        """Watch the scroll bars of the pages: a page is drawn again for the width that its bar leaves."""
        for name in ("#rail-page", "#page"):
            self.watch(self.query_one(name), "show_vertical_scrollbar", self._refit, init=False)

    def _refit(self) -> None:
        state = self._state.selected_run
        if self._state.page and state is not None:
            self.call_after_refresh(self._draw_page, state)

    def _charts(self) -> Iterator[Chart]:
        for kind in ChartKind:
            yield Chart(kind.key, kind, glyphs=self._glyphs, id=f"chart-{kind}")
        for index in range(MAX_PICTURES):
            yield Chart(0, "picture", glyphs=self._glyphs, id=f"picture-{index}")

    def apply_layout(self, arrangement: Arrangement) -> None:
        """Show, hide and size the widgets."""
        self._arrangement = arrangement
        view_state, state, starting = self._state, self._state.selected_run, self._state.starting
        if view_state.on_chart_page and view_state.maximized is None:
            view_state.pages.per_page = max(arrangement.charts, 1)
        grid = self.query_one("#charts", ChartGrid)
        self._mount_charts(grid)
        grid.display = arrangement.charts > 0 and not starting
        self.query_one("#charts-title").display = arrangement.heading > 0 and grid.display
        grid.place(
            list(self._panes_by_widget()), lambda width, height, count: chart_cells(arrangement, width, height, count)
        )
        self.query_one("#starting").display = starting
        # A message may need the line of numbers even before there are any.
        before = int(arrangement.footer < 2)
        self._show_lines("#numbers", min(arrangement.numbers, before) if starting else arrangement.numbers)
        self._place_page(arrangement, starting)
        roomy = arrangement.charts > 0 and (arrangement.log > 0 or arrangement.narration >= MIN_NARRATION_FOR_CARD)
        # The last remark of a lesson is its summary.
        over = state is not None and state.over and view_state.summary and roomy and not arrangement.narration
        over = over and not view_state.log_all
        in_the_way = starting or (over and not arrangement.rail)
        self._show_lines("#sparklines", 0 if in_the_way else arrangement.sparklines)
        open_card = view_state.mark is not None and not starting and roomy
        log = self.query_one("#log")
        log.styles.height = "1fr" if starting else arrangement.log
        self._show_lines("#narration", 0 if starting or open_card else arrangement.narration)
        # Card and summary take the space of the log, so that the charts do not move.
        log.display = (arrangement.log > 0 or starting) and not open_card and not (over and not arrangement.rail)
        self.query_one("#log-title").display = log.display and arrangement.log_title
        self.query_one("#summary").display = over and not open_card
        card_panel = self.query_one("#card")
        card_panel.display = open_card
        if open_card:
            height = min(max(arrangement.below - arrangement.page, 1), CARD_HEIGHT)
            rest = max(arrangement.below - arrangement.page - height, 0)
            card_panel.styles.height = height
            numbers = min(arrangement.numbers, rest)
            self._show_lines("#numbers", numbers)
            self._show_lines("#sparklines", min(arrangement.sparklines, rest - numbers))
            log.display = rest > 0 and arrangement.rail > 0
            log.styles.height = max(rest, 1)

    def _show_lines(self, name: str, lines: int) -> None:
        widget = self.query_one(name)
        widget.display = lines > 0
        widget.styles.height = max(lines, 1)

    def _place_page(self, arrangement: Arrangement, starting: bool) -> None:
        """Show the open page in the rail, else below the charts."""
        rail, page = self.query_one("#rail"), self._state.page
        rail.display = arrangement.rail > 0 and not starting
        rail.styles.width = max(arrangement.rail - 1, 1)
        in_rail = bool(page) and arrangement.rail > 0
        for name in ("#rail-title", "#rail-page"):
            self.query_one(name).display = in_rail
        # The losses and metrics stay above the page.
        self.query_one("#column").styles.height = "auto" if in_rail else "1fr"
        below = arrangement.page if page and not starting else 0
        self.query_one("#page-title").display = below > 0
        self._show_lines("#page", below - 1)

    def scroll_by_pages(self, pages: int) -> None:
        """Scroll the open page, or the log, by one page: up where `pages` is negative."""
        target = self.page_scroll or self.query_one(LogPane)
        scroll = target.scroll_page_up if pages < 0 else target.scroll_page_down
        scroll(animate=False)

    @property
    def page_scroll(self) -> VerticalScroll | None:
        """The scrolled container of the open page, None where none is open."""
        shown = (self.query_one(name, VerticalScroll) for name in ("#rail-page", "#page"))
        return next((scroll for scroll in shown if scroll.display), None) if self._state.page else None

    def _panes_by_widget(self) -> dict[str, Pane]:
        """Return the visible panes in their order, by the id of the widget that shows each."""
        panes: dict[str, Pane] = {}
        pictures = own = 0
        for pane in self._visible_panes():
            if isinstance(pane, SeriesChart):
                panes[f"series-{own}"] = pane
                own += 1
            elif not isinstance(pane, PicturePane):
                panes[f"chart-{pane}"] = pane
            elif pictures < MAX_PICTURES:
                panes[f"picture-{pictures}"] = pane
                pictures += 1
        return panes

    def _mount_charts(self, grid: ChartGrid) -> None:
        """Mount the charts of the open page that were not needed before."""
        for widget_id in self._panes_by_widget():
            if not grid.query(f"#{widget_id}"):
                grid.mount(Chart(0, "series", glyphs=self._glyphs, id=widget_id))

    def _visible_panes(self) -> tuple[Pane, ...]:
        arrangement = self._arrangement
        if arrangement is None:
            return ()
        return self._state.ordered_panes[: arrangement.charts]

    @property
    def chart_width(self) -> int:
        """Columns of the plot area of a visible chart."""
        return next((chart.area.columns for chart in self.query(Chart) if chart.display and chart.size.width), 60)

    @property
    def _text_width(self) -> int:
        """Cells of a line of the cards: known before they are shown for the first time."""
        rail = self._arrangement.rail if self._arrangement is not None else 0
        return max(self.size.width - rail - 2, 20)

    def draw_starting(self) -> None:
        """Draw the spinner and the state of the start."""
        store = self._state.store
        error = "" if store.connected else store.error
        run = announced_run(store.session, self._state.selected_run)
        known = self._start_card.lines(run, max(self.size.width - 4, 8), self.size.height - 5, self._icons)
        self.query_one(StartupPanel).say(self._state.selected_run, self._icons, error, known)

    def draw(self, hints: Sequence[str] = (), message: Content | None = None) -> None:
        """Draw the visible widgets from the present states.

        Args:
            hints: the keys of a lesson, for its narration.
            message: the message to show in place of the last line of numbers, where messages have no line of their own.
        """
        view_state, state = self._state, self._state.selected_run
        if view_state.starting:
            self.draw_starting()
        if state is None:
            return
        self._draw_charts()
        self._draw_numbers(state, message)
        self._draw_log(state)
        self.query_one(Narration).draw(view_state.narrator, hints)
        if view_state.mark is not None:
            self.query_one("#card", Panel).show(card(state, view_state.mark, self._text_width))
        if state.over:
            panel = self.query_one("#summary", Panel)
            size = (self._text_width, self.size.height)
            panel.show(card_at_end(view_state, *size, self._icons, self._keymap, self._recent), layout=True)
        if view_state.page:
            self._draw_page(state)

    def _draw_page(self, state: RunState) -> None:
        in_rail = self._arrangement is not None and self._arrangement.rail > 0
        names = ("#rail-title", "#rail-page", "#rail-text") if in_rail else ("#page-title", "#page", "#page-text")
        title, scroll, panel = (self.query_one(name) for name in names)
        assert isinstance(panel, Panel)
        assert isinstance(title, Panel)
        region = scroll.scrollable_content_region
        size = (max(region.width, 20), region.height)
        text = page_text(self._state, state, size, self._icons, self._keymap, self.palette, self._best)
        panel.show(text, layout=True)
        title.show(rule(page_title(self._state), page_note(self._state, self._icons), title.size.width, self._icons))

    def _draw_log(self, state: RunState) -> None:
        view_state = self._state
        self.query_one(LogPane).show(state.log, view_state.store.user, everything=view_state.log_all)
        title = self.query_one("#log-title", Panel)
        key = shown_key(BY_ID["log_all"], self._keymap)
        hidden = "everything" if view_state.log_all else f"epochs and saves hidden{f' ({key} shows)' if key else ''}"
        title.show(rule("events", f"{hidden} {self._icons.dot} newest last", title.size.width, self._icons))

    def _draw_charts(self) -> None:
        heading = self.query_one("#charts-title", Panel)
        if heading.display:
            heading.show(rule(*charts_heading(self._state), self._text_width + 2, self._icons))
        for index, (widget_id, pane) in enumerate(self._panes_by_widget().items()):
            for chart in self.query(f"#{widget_id}").results(Chart):
                chart.show(self._source(pane, index + 1))

    def _source(self, pane: Pane, place: int) -> Source:
        state = self._state
        if isinstance(pane, SeriesChart):
            key = place if place <= LAST_DIGIT else 0
            return lambda width, height: replace(
                chart_data(pane, state.drawn_states, state.selected_index, state.chart_view, width, height), number=key
            )
        return lambda width, height: chart_data(
            pane, state.drawn_states, state.selected_index, state.chart_view, width, height
        )

    def _numbers(self) -> Numbers:
        """Return the numbers of the selected run at the cursor, or the newest."""
        view_state = self._state
        states, index, view = view_state.drawn_states, view_state.selected_index, view_state.view
        chart = self.query_one(f"#chart-{ChartKind.LOSS}", Chart)
        area = chart.area if chart.display and chart.size.width else Area.of(80, 12)
        rows, smoothing = number_rows(states, index, view, self._best, area)
        others = max(len(view_state.states) - 1, 0)
        values = values_at(states, index, view)
        heading = ""
        if view.cursor is not None:
            heading = "at " + ", ".join(f"{name} {text}" for name, text in values if name in _POSITION)
        # Of many runs, only the list of runs in the rail has room for the losses of the others.
        shown = values if view.cursor is not None and others <= MAX_OTHER_LOSSES else values[: len(values) - others]
        in_table = {row.series for row in rows} | {"mean_train_loss"}
        names = {series_label(name) for name in in_table} | set(_POSITION)
        further = [(name, text) for name, text in shown if name not in names]
        batch = dict(values).get(series_label("train_loss"))
        if heading and batch is not None and smoothing > 1:
            further.insert(0, ("train loss, one batch", batch))
        cost = self._cost.text(view_state.selected_run or RunState.blank(), monotonic()) if self._shows_cost else ""
        return Numbers(rows, smoothing, further, heading, cost)

    def _draw_numbers(self, state: RunState, message: Content | None) -> None:
        numbers = self._numbers()
        view_state, arrangement = self._state, self._arrangement
        lines = self.query_one("#numbers", Panel)
        width, height = lines.size
        if lines.display and width and height:
            text = status_lines(state, numbers, width, height, self._icons)
            lines.show(with_message(text, message, height))
        sparks = self.query_one("#sparklines", Panel)
        width, height = sparks.size
        if sparks.display and width and height:
            panes = self._visible_panes()
            sparks.show(Content("\n").join(sparkline_rows(state, panes, view_state.view, width, height, self._icons)))
        column, rail = self.query_one("#column", Panel), self.query_one("#rail")
        width, height = rail.size.width - 2, rail.size.height
        if rail.display and arrangement is not None and width > 0 and height:
            column.show(self._column(state, numbers, width, height), layout=bool(view_state.page))

    def draw_message(self, message: Content | None) -> None:
        """Draw the numbers again with a message, where messages have no line of their own."""
        if (state := self._state.selected_run) is not None:
            self._draw_numbers(state, message)

    def _column(self, state: RunState, numbers: Numbers, width: int, height: int) -> Content:
        """Return the text of the rail: the runs of a set, then the status; above an open page only the table."""
        view_state = self._state
        if view_state.page:
            short = Numbers(numbers.rows, 0, (), numbers.heading)
            return Content.assemble(status_column(state, short, width, height // 3, self._icons, table_only=True), "\n")
        rows = runs_list(
            view_state.states,
            view_state.selected_index,
            width,
            self._icons,
            self.palette,
            view_state.store,
            self._best,
            most=max(height // 3, 3),
            steer_all=view_state.steer_all,
        )
        rest = height - len(rows) - bool(rows)
        text = status_column(state, numbers, width, rest, self._icons, front_of_set=bool(rows))
        return Content("\n").join([*rows, Content(""), text]) if rows else text

    @property
    def _shows_cost(self) -> bool:
        settings = getattr(self.app, "settings", None)
        return settings is None or settings.own_cost

    @property
    def palette(self) -> Palette:
        """The colours of the curves, also used for the names of the runs."""
        return theme_palette(self.app)
