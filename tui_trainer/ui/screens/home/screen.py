"""The home screen: presets to start, live runs to join, finished runs to open, the queue, and the lecture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets.option_list import Option

from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.runs.run_filter import config_of
from tui_trainer.session.catalog import Catalog, PresetInfo, Reloadable, Stored, Watchful
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.keeping.run_figures import RunFigures
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.preferences.screen_state import ProjectState
from tui_trainer.ui.screens.finder import Finder, Group
from tui_trainer.ui.screens.home.desk import Desk
from tui_trainer.ui.screens.home.details import about, brief, copies_of
from tui_trainer.ui.screens.home.items import FIRST_START, Item, QueueRow, Start, groups_of, key_of, of_tab, texts_of
from tui_trainer.ui.screens.home.lecture_tab import LectureTab
from tui_trainer.ui.screens.home.lines import line_of, set_headings
from tui_trainer.ui.screens.home.opening import opener_of
from tui_trainer.ui.screens.home.past import past_of
from tui_trainer.ui.screens.home.preview import PresetPreview
from tui_trainer.ui.screens.home.queue_watch import QueueWatch
from tui_trainer.ui.screens.home.search import RunSearch
from tui_trainer.ui.screens.home.tabs import NARROW, TABS, HomeTabs, QueueLine, TabChosen

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.ui.copying.texts import Copyable
    from tui_trainer.ui.lecture.tour import Tour

PREPARED_AT_ONCE = 200
"""Most lines of hidden runs that one tick prepares for a search."""
KEEP = "Rename, tag or hide the selected run, write a note, delete it, or keep only its best checkpoint."
Read = tuple[list[PresetInfo], list[RunInfo], tuple[QueueRow, ...]]


class Home(Finder[Item]):
    """Three tabs over one list; looking at them changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "turn_tab(1)", show=False),
        Binding("shift+tab", "turn_tab(-1)", show=False),
        Binding("e", "change", show=False),
        Binding("K", "keep", show=False),
        Binding("x,delete", "remove", show=False),
        *(Binding(str(number), f"show_tab('{tab}')", show=False) for number, tab in enumerate(TABS, 1)),
    ]

    DEFAULT_CSS = """
    Home #tops { height: auto; }
    Home #find { margin-top: 0; }
    Home.-stacked #details { height: 8; }
    Home.-low QueueLine.-empty { display: none; }
    """

    HEADING = "tui-trainer · home"
    PLACEHOLDER = "/ to search presets and runs, or filter: lr>=0.001 model=mlp age<2d"
    OWN_KEYS = (
        ("change", "e", "change settings first", "Change settings in a form, then start or add to the queue."),
        ("keep", "K", "keep", KEEP),
        ("turn_tab", "tab 1 2 3", "next tab", "Go to another tab: start, runs, lecture."),
        ("remove", "x", "remove from the queue", "Take the selected entry out of the queue; asks first."),
    )

    def __init__(self, catalogue: Catalog, icons: Icons, memory: ScreenMemory | None = None) -> None:
        super().__init__(icons)
        self.catalogue = catalogue
        """The source of presets and runs."""
        self._presets: list[PresetInfo] | None = None
        self._day = date.today()
        self._last_read: tuple[Read, list[Group[Item]]] | None = None
        """The runs that were read last, and the groups made of them."""
        self._configured: list[RunInfo] | None = None
        """The runs of which the configurations have been read, for filters."""
        self._search = RunSearch()
        self._memory = memory or ScreenMemory(None)
        directory = catalogue.directory() if isinstance(catalogue, Stored) else None
        self._directory = directory
        self._folder = str(directory) if directory is not None else ""
        self.desk = Desk(self, self)
        """Changes of the queue."""
        self._queue = QueueWatch(directory, catalogue) if directory is not None else None
        self._queue_line = ""
        """The line of the queue on the screen."""
        self._preview = PresetPreview()
        self._figures = RunFigures()
        self._by_set = False
        """Whether runs are listed under the headings of their sets."""
        self._lecture = LectureTab(catalogue)
        remembered = self._memory.project(self._folder) or ProjectState()
        self.tab = remembered.tab if remembered.tab in TABS else TABS[0]
        """The tab that is open."""
        self._prepared: list[Group[Item]] | None = None
        self._unprepared: list[RunInfo] = []
        """Runs whose lines have not been looked at since the last change."""
        self._restoring = True
        """Whether the first list has yet to be shown."""
        self._highlights = {self.tab: remembered.chosen}
        """The item to highlight in each tab."""

    def top(self) -> Widget:
        """Return the tabs, and the line of the queue."""
        return Vertical(HomeTabs(), QueueLine(), id="tops")

    def on_mount(self) -> None:
        """Show the tabs. Textual calls the handler of the base class as well."""
        self._preview.begin(monotonic())
        self._show_tops()
        if self.tab == "lecture":
            self._lecture.read()

    # Reading.

    def read(self) -> list[Group[Item]]:
        """Read the runs and the queue, and the presets the first time."""
        presets = self._presets = self._presets if self._presets is not None else self.catalogue.presets()
        runs = self.catalogue.runs()
        if self._last_read is not None and self._configured is not runs:  # the first list does not wait for this
            for run in runs:
                config_of(run)
            self._configured = runs
        queue = self._queue.read() if self._queue is not None else ()
        read = presets, runs, queue
        if self._last_read is not None and all(new is old for new, old in zip(read, self._last_read[0], strict=True)):
            return self._last_read[1]
        past = past_of(runs, {preset.name: max(len(preset.variants), 1) for preset in presets})
        groups = groups_of(presets, past, runs, queue)
        self._last_read = read, groups
        return groups

    def tick(self, now: float) -> None:
        """Take what was read in the background, and write the days of the runs again after midnight."""
        super().tick(now)
        if self._day != date.today():
            self._day = date.today()
            self.query_one(LongList).make_again()
        self.desk.tick()
        if self._queue is not None and self._queue.line != self._queue_line:
            self._show_tops()
        if self._preview.tick(now):
            self.describe_again()
        if self._figures.poll():
            self._lines.make_again()
            self.query_one(LongList).make_again()
        self._prepare_search()
        if self._lecture.poll(self.show_error) and self.tab == "lecture":
            self.list_items()

    def _prepare_search(self) -> None:
        """Prepare some of the runs that the first tab hides, so that the first letter of a search finds them ready."""
        if self._groups is not self._prepared:
            self._prepared, self._unprepared = self._groups, self.runs
        for _ in range(min(PREPARED_AT_ONCE, len(self._unprepared))):
            self._lines.of(self._unprepared.pop())

    @property
    def runs(self) -> list[RunInfo]:
        """All runs, live ones first, then the newest."""
        return [item for item in self.items if isinstance(item, RunInfo)]

    # Items.

    def key(self, item: Item) -> str:
        """Return a unique id of an item."""
        return key_of(item)

    def texts(self, item: Item) -> tuple[str, ...]:
        """Return the names first."""
        return texts_of(item)

    def line(self, item: Item) -> Content:
        """Return the line of an item."""
        figures = self._figures.of(item) if isinstance(item, RunInfo) else None
        in_set = self._by_set and isinstance(item, RunInfo) and bool(item.group)
        return line_of(item, self.line_width, self.icons, figures, self._lecture.known(item), in_set=in_set)

    def about(self, item: Item) -> Content:
        """Return the details of an item."""
        if not isinstance(item, Start):
            return about(item, known=self._lecture.known(item))
        self._preview.want(item, self.runs, monotonic())
        width = max(self.query_one("#details").size.width - 2, 20)
        return about(item, self._preview.lines(item, width, self.icons))

    def brief(self, item: Item) -> Content:
        """Return the details of an item in two lines."""
        return brief(item, self.size.width - 2)

    # Tabs.

    def shown_groups(self) -> list[Group[Item]] | None:
        """Return the groups of the tab; a search in the first one finds runs too."""
        if self.tab == "lecture":
            return self._lecture.groups()
        if self._groups is None:
            return None
        return of_tab(self.tab, self._groups, searching=bool(self.typed))

    def headings(self, items: Sequence[Item]) -> dict[str, str]:
        """Return the headings of sets; none in a search, which orders runs by how well they match."""
        return set_headings(items) if self._by_set else {}

    def introduction(self) -> list[Option]:
        """Return three keys and how to leave, before anything was trained."""
        if self.tab != "start" or self.typed or self._groups is None or self.runs or self.has_class("-low"):
            return []
        return [self._lines.heading(text, style) for text, style in FIRST_START]

    def list_items(self) -> None:
        """List the items of the tab, and highlight the one that was highlighted there before."""
        by_set = self.tab == "runs" and not self.typed
        if by_set != self._by_set:  # a run has another line under the heading of its set
            self._by_set = by_set
            self._lines.make_again()
        super().list_items()
        self._show_tops()
        if self._groups is None or (self.tab == "lecture" and self._lecture.groups() is None):
            return
        wanted = self._highlights.pop(self.tab, "")
        first, self._restoring = self._restoring, False
        if first and self.tab == "start" and any(run.live for run in self.runs):
            return  # what is live comes before what was chosen last
        if wanted in self._listed:
            self.highlight(self._listed[wanted])

    def _show_tops(self) -> None:
        runs = self.runs
        live = sum(run.live for run in runs)
        shown = sum(not run.kept.hidden for run in runs)
        counts = {"runs": f"{shown:,}" if shown else "", "lecture": self._lecture.progress(self._presets, runs)}
        self.query_one(HomeTabs).show_tabs(self.tab, counts, f"{live} live" if live else "")
        self._queue_line = self._queue.line if self._queue is not None else ""
        self.query_one(QueueLine).show_queue(self._queue_line)

    @on(TabChosen)
    def _tab_chosen(self, event: TabChosen) -> None:
        event.stop()
        self.action_show_tab(event.tab)

    def action_turn_tab(self, offset: int = 1) -> None:
        """Go to the next or previous tab; from the search entry, to what it has found."""
        if isinstance(self.focused, TextEntry):
            self.query_one(LongList).focus()
            return
        self.action_show_tab(TABS[(TABS.index(self.tab) + offset) % len(TABS)])

    def action_show_tab(self, tab: str) -> None:
        """Go to a tab; the item that was highlighted there is highlighted again."""
        if tab == self.tab:
            return
        option = self.query_one(LongList).highlighted_option
        self._highlights[self.tab] = option.id or "" if option is not None else ""
        self.tab = tab
        self._remember(tab=tab)
        if tab == "lecture":
            self._lecture.read()
        self._error = ""
        self.list_items()
        self.describe_again()
        self.show_keys()

    def _remember(self, **changes: str) -> None:
        if self._folder:
            before = self._memory.project(self._folder) or ProjectState()
            self._memory.remember(self._folder, replace(before, **changes), before)

    @property
    def effect(self) -> str:
        """The effect of enter."""
        return {"start": "start", "lecture": "run"}.get(self.tab, "open")

    @property
    def keys(self) -> str:
        """The hints in the last line."""
        if self.size.width < NARROW:
            return f"enter {self.effect} · e change · tab tabs · / find · ? help · q leave"
        again = "e again · K keep" if self.tab == "runs" else "e change first"
        return f"enter {self.effect} · {again} · tab other tabs · / search · ? help · q leave"

    def narrowed(self, items: Sequence[Item]) -> tuple[str, Sequence[Item]]:
        """Keep the runs for which all terms of the filter hold."""
        if self.tab == "lecture":
            return self.typed, items
        return self._search.narrowed(self.typed, items, self.runs, self.show_error)

    def copies(self, item: Item) -> list[Copyable]:
        """Return the name, the path and the command of a preset, a lesson or a run."""
        return copies_of(item)

    # Opening.

    def opener(self, item: Item) -> tuple[str, Callable[[], Session]]:
        """Return the function that starts a preset or a lesson, or joins a run."""
        return opener_of(item, self.catalogue, self.runs, self._lecture.start)

    def open(self, item: Item | None) -> None:
        """Open an item, and remember it; a lesson continues the tour from it."""
        if item is None or self.opening:
            return
        if isinstance(item, QueueRow) and self._directory is not None and item.asks:
            from tui_trainer.ui.screens.home import queue_actions

            queue_actions.ask_waiting(self.desk, self._directory, item)
            return
        try:
            self.open_with(item, *self.opener(item))
        except UserError as error:
            self.show_error(str(error))

    def open_with(self, item: Item, name: str, function: Callable[[], Session]) -> None:
        """Open an item with a function of its own."""
        self._remember(chosen=self.key(item))
        self._lecture.opened(item)
        self.begin(name, function)

    @property
    def tour(self) -> Tour | None:
        """The position in the lecture, while a lesson is open."""
        return self._lecture.tour

    def session_left(self) -> None:
        """Tick the lesson that was left, and open the one to which the user has gone."""
        self._lines.make_again()
        self.query_one(LongList).make_again()
        self.describe_again()
        if (lesson := self._lecture.next_lesson()) is not None:
            self.open(lesson)

    # Changes before a start, and the queue.

    def action_change(self) -> None:
        """Change settings in a form before a training."""
        from tui_trainer.ui.screens.home.change_first import change_first

        item = self.selected
        if item is None or self.opening:
            return
        try:
            change_first(item, self.catalogue, self.desk, partial(self.open_with, item))
        except UserError as error:
            self.show_error(str(error))

    def action_remove(self) -> None:
        """Take the selected entry out of the queue; asks first."""
        from tui_trainer.ui.screens.home import queue_actions

        try:
            queue_actions.remove(self.desk, self._directory, self.selected)
        except UserError as error:
            self.show_error(str(error))

    def action_keep(self) -> None:
        """Ask what to do with the selected run."""
        from tui_trainer.ui.keeping.keep_listed import keep_listed

        item = self.selected
        if isinstance(item, RunInfo) and item.host:
            self.show_error(f"this run is on {item.host}: rename, hide and delete work there only")
        elif isinstance(item, RunInfo):
            keep_listed(self, item, self.runs, self.say, self._look_again)

    def _look_again(self) -> None:
        """Read the runs again soon, those too that are over."""
        if isinstance(self.catalogue, Watchful):
            self.catalogue.look_again()
        self.read_soon()

    def action_reload(self) -> None:
        """Read presets and runs again."""
        self._presets = None
        if isinstance(self.catalogue, Reloadable):
            self.catalogue.forget()
        super().action_reload()
