"""Everything between the top line and the bottom line: charts, numbers, log, and what stands in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.content import Content

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import Keymap
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
from tui_trainer.ui.panels.summary import summary
from tui_trainer.ui.render.chart_widget import Chart, Source
from tui_trainer.ui.render.raster import GlyphName

FEW = 8
"""Other runs whose losses are told among the numbers of the one in front."""
SHORT = 4
"""Lines of a narration that a card may stand in place of."""
CARD = 6
"""Lines of the card of an intervention."""
_PLACE = ("step", "epoch", "time")


class Board(Horizontal):
    """Arranged for a size, then drawn again and again; each of its widgets sends on only what differs."""

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

    def __init__(self, watch: ViewState, signs: Icons, keymap: Keymap, glyphs: GlyphName = "braille") -> None:
        super().__init__()
        self._keymap = keymap
        self._glyphs: GlyphName = glyphs
        self._watch = watch
        self._signs = signs
        self._arrangement: Arrangement | None = None

    def compose(self) -> ComposeResult:
        """All there may be; `share_out` decides what is in sight."""
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
        """The charts, and between the first of them the places of pictures: in the order of their importance."""
        for place, kind in enumerate(ChartKind):
            yield Chart(kind.key, kind, glyphs=self._glyphs, id=f"chart-{kind}")
            if place < MAX_PICTURES:
                yield Chart(0, "picture", glyphs=self._glyphs, id=f"picture-{place}")

    def share_out(self, arrangement: Arrangement) -> None:
        """Give each part its cells."""
        self._arrangement = arrangement
        watch, state, starting = self._watch, self._watch.chosen, self._watch.starting
        shown = self._shown()
        grid = self.query_one("#charts", Grid)
        grid.display = bool(arrangement.charts) and not starting and not watch.layers and not watch.diagnosis
        grid.styles.grid_size_columns = max(arrangement.columns, 1)
        grid.styles.grid_size_rows = max(arrangement.rows, 1)
        places = self._places(shown)
        for chart in self.query(Chart):
            chart.display = chart.id in places
        self.query_one("#layers").display = watch.layers and not starting
        self.query_one("#diagnosis").display = watch.diagnosis and not starting
        self.query_one("#starting").display = starting
        in_column = arrangement.status == "column"
        numbers, side = self.query_one("#numbers"), self.query_one("#column")
        numbers.display = not in_column and arrangement.status_size > 0 and not starting
        numbers.styles.height = max(arrangement.status_size, 1)
        side.display = in_column and not starting
        side.styles.width = arrangement.status_size
        roomy = arrangement.charts > 0 and (arrangement.log > 0 or arrangement.narration >= SHORT)
        # Of a lesson its last remark is the summary.
        over = state is not None and state.over and watch.summary and roomy and not arrangement.narration
        open_card = watch.mark is not None and not starting and roomy
        log = self.query_one("#log")
        log.styles.height = "1fr" if starting else arrangement.log
        narration = self.query_one("#narration")
        narration.display = arrangement.narration > 0 and not starting and not open_card
        narration.styles.height = max(arrangement.narration, 1)
        # Card and summary stand where the log stood, so that the charts keep their place.
        log.display = (arrangement.log > 0 or starting) and not open_card and not (over and not in_column)
        self.query_one("#log-title").display = log.display and arrangement.log_title
        self.query_one("#summary").display = over and not open_card
        card_panel = self.query_one("#card")
        card_panel.display = open_card
        if open_card:
            height = min(arrangement.below, CARD)
            rest = arrangement.below - height
            card_panel.styles.height = height
            numbers.display, numbers.styles.height = rest > 0 and not in_column, max(rest, 1)
            log.display, log.styles.height = rest > 0 and in_column, max(rest, 1)

    def _shown(self) -> tuple[Pane, ...]:
        whole = self._watch.whole
        if whole is not None:
            return (whole,)
        return self._watch.panes[: self._arrangement.charts if self._arrangement is not None else 0]

    @staticmethod
    def _places(shown: tuple[Pane, ...]) -> dict[str, Pane]:
        """What is to be seen by the id of the widget that shows it."""
        shots = [pane for pane in shown if isinstance(pane, PicturePane)]
        charts: dict[str, Pane] = {f"chart-{pane}": pane for pane in shown if not isinstance(pane, PicturePane)}
        return charts | {f"picture-{place}": shot for place, shot in enumerate(shots)}

    def chart_width(self) -> int:
        """Columns of the plot of a chart in sight."""
        return next((chart.area.columns for chart in self.query(Chart) if chart.display and chart.size.width), 60)

    def draw_starting(self) -> None:
        """Move the sign that says that it is alive."""
        feed = self._watch.feed
        self.query_one(StartupPanel).say(self._watch.chosen, self._signs, "" if feed.connected else feed.trouble)

    def draw(self, hints: Sequence[str] = ()) -> None:
        """Draw what is in sight from the states as they are now; `hints` name the keys that lead through a lesson."""
        watch, state = self._watch, self._watch.chosen
        if watch.starting:
            self.draw_starting()
        if state is None:
            return
        self._draw_charts()
        self._draw_numbers(state)
        self.query_one(LogPane).show(state.log)
        title = self.query_one("#log-title", Panel)
        rule = self._signs.rule * max(title.size.width - 6, 0)
        title.show(Content.assemble(("log ", "bold $foreground"), (rule, "$border")))
        self.query_one(Narration).tell(watch.narrator, hints)
        if watch.mark is not None:
            panel = self.query_one("#card", Panel)
            panel.show(card(state, watch.mark, max(panel.size.width, 20)))
        if state.over:
            panel = self.query_one("#summary", Panel)
            panel.show(summary(state, max(panel.size.width, 20), self._signs), layout=True)
        if watch.layers:
            panel = self.query_one("#layers-table", Panel)
            panel.show(layers_table(state.layers, max(panel.size.width, 20), self._signs), layout=True)
        if watch.diagnosis:
            panel = self.query_one("#findings", Panel)
            page = findings_page(state, max(panel.size.width, 20), self._signs, self._keymap)
            panel.show(page, layout=True)

    def _draw_charts(self) -> None:
        for place, pane in self._places(self._shown()).items():
            self.query_one(f"#{place}", Chart).show(self._source(pane))

    def _source(self, kind: Pane) -> Source:
        watch = self._watch
        return lambda width, height: chart_data(kind, watch.seen, watch.front, watch.view, width, height)

    def _draw_numbers(self, state: RunState) -> None:
        watch = self._watch
        others = max(len(watch.states) - 1, 0)
        values = values_at(watch.seen, watch.front, watch.view)
        # The list of the runs in the column has the losses of the others; of many runs it alone has room for them.
        values = values if others <= FEW else values[: len(values) - others]
        heading = ""
        if watch.view.cursor is not None:
            heading = "at " + ", ".join(f"{name} {text}" for name, text in values if name in _PLACE)
        numbers = [(name, text) for name, text in values if name not in _PLACE]
        for panel in self.query("#numbers, #column").results(Panel):
            width, height = panel.size
            if not panel.display or not width or not height:
                continue
            if panel.id == "numbers":
                panel.show(status_lines(state, numbers, heading, width, height, self._signs))
                continue
            rows = runs_list(
                watch.states,
                watch.front,
                width,
                self._signs,
                self.palette(),
                most=max(height // 3, 3),
                steer_all=watch.steer_all,
            )
            rest = height - len(rows) - bool(rows)
            text = status_column(state, numbers, heading, width, rest, self._signs)
            panel.show(Content("\n").join([*rows, Content(""), text]) if rows else text)

    def palette(self) -> Palette:
        """The colours of the curves, for the names of the runs."""
        app = self.app
        return palette(
            app.current_theme.dark, depth="none" if app.no_color else "16" if app.native_ansi_color else "full"
        )
