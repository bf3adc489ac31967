"""The base of the home screen and the lecture contents: a searchable list with details."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui_trainer.errors import UserError
from tui_trainer.text import visible
from tui_trainer.ui.background_call import BackgroundCall, NamedCall
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.forms.list_keys import follow
from tui_trainer.ui.forms.list_lines import ListLines
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.fuzzy import ranked_prepared
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.ui.screens.finder.actions import FinderActions
from tui_trainer.ui.terminal.one_shot import call_after

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.ui.copying.texts import Copyable

STACKED = 110
"""Terminal width below which the details are shown under the list."""
LOW = 16
"""Terminal height below which they are shortened to two lines."""
OPENING_TICK = 0.02
"""Seconds between two checks whether a session is open."""
Item = TypeVar("Item")
Group = tuple[str, Sequence[Item]]
"""A title and the items under it."""


class Finder(FinderActions, Generic[Item]):
    """Lists the items that a subclass reads, and opens the selected one on enter or a second click.

    The list has the focus; `/` moves it to the search entry, which filters the list. Reading and opening run in
    background threads: the screen never waits for the disk.
    """

    DEFAULT_CSS = """
    Finder { layout: vertical; background: $background; }
    Finder #top { height: 1; padding: 0 1; background: $panel; }
    Finder #find { margin-top: 1; width: 1fr; }
    Finder #body { height: 1fr; margin-top: 1; }
    Finder #list { width: 1fr; height: 1fr; padding: 0 1; }
    Finder OptionList, Finder OptionList:focus {
        width: 1fr; height: 1fr; border: none; padding: 0; background: $background;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    Finder #details { width: 42%; height: 1fr; padding: 0 1; background: $surface; scrollbar-size-vertical: 1; }
    Finder #details Panel { text-wrap: wrap; }
    Finder #bottom { max-height: 2; padding: 0 1; background: $panel; }
    Finder.-stacked #body { layout: vertical; }
    Finder.-stacked #details { width: 1fr; height: 9; margin-top: 1; }
    Finder.-low #find { margin-top: 0; }
    Finder.-low #body { margin-top: 0; }
    Finder.-stacked.-low #details { height: 2; margin-top: 0; }
    Finder.-flat #details { display: none; }
    """

    PLACEHOLDER = "/ to search"
    """Text of the empty search entry."""
    EFFECT = "open"
    """The effect of enter on an item."""
    KEYS = "enter open · j k ↑↓ choose · / search · : commands · ? help · q leave"
    RELOAD_INTERVAL = 2.0
    """Seconds between two reads."""

    class Opened(Message):
        """A session has been opened."""

        def __init__(self, session: Session, tour: Tour | None) -> None:
            super().__init__()
            self.session = session
            self.tour = tour

    class Closed(Message):
        """The user wants to leave."""

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self.icons = icons
        self.composed = False
        """Whether the widgets are mounted."""
        self.typed = ""
        self._groups: list[Group[Item]] | None = None
        self._reading: BackgroundCall[list[Group[Item]]] | None = None
        self._opening: NamedCall[Session] | None = None
        self._read_at = float("-inf")
        self._listed: dict[str, Item] = {}
        self._lines = ListLines(self.key, self.texts, self._fitted)
        self._error = ""

    # For subclasses.

    def read(self) -> list[Group[Item]]:
        """Read all items by group. Called in a thread; may raise `UserError` or `OSError`."""
        raise NotImplementedError

    def key(self, item: Item) -> str:
        """Return a unique id of an item."""
        raise NotImplementedError

    def texts(self, item: Item) -> tuple[str, ...]:
        """Return the texts that an item is found by, the most important first."""
        raise NotImplementedError

    def line(self, item: Item) -> Content:
        """Return the line of an item in the list."""
        raise NotImplementedError

    def about(self, item: Item) -> Content:
        """Return the details of an item."""
        raise NotImplementedError

    def brief(self, item: Item) -> Content:
        """Return the details of an item in two lines, for a low terminal."""
        return Content("\n").join(self.about(item).split("\n")[:2])

    def introduction(self) -> list[Option]:
        """Return lines above the first group, none of which can be chosen."""
        return []

    def headings(self, items: Sequence[Item]) -> dict[str, str]:
        """Return headings within a group, by the key of the item above which each stands."""
        return {}

    def shown_groups(self) -> list[Group[Item]] | None:
        """Return the groups to list now; None before they have been read."""
        return self._groups

    def top(self) -> Widget:
        """Return the first line of the screen."""
        return Panel(Content.styled(self.HEADING, "bold"), id="top")

    def narrowed(self, items: Sequence[Item]) -> tuple[str, Sequence[Item]]:
        """Return the words to search for, and the items of a group among which to search."""
        return self.typed, items

    def opener(self, item: Item) -> tuple[str, Callable[[], Session]]:
        """Return the name of an item and the function that opens it, for a thread."""
        raise NotImplementedError

    def copyable(self) -> list[Copyable]:
        """Return what can be copied of the highlighted item."""
        item = self.selected
        return self.copies(item) if item is not None else []

    def copies(self, item: Item) -> list[Copyable]:
        """Return what can be copied of an item."""
        return []

    @property
    def effect(self) -> str:
        """The effect of enter, for the help page and the commands."""
        return self.EFFECT

    @property
    def keys(self) -> str:
        """The hints in the last line."""
        return self.KEYS

    @property
    def tour(self) -> Tour | None:
        """The position in the lecture; None for a screen that is not part of it."""
        return None

    def session_left(self) -> None:
        """React to the user leaving a session that was opened here."""

    def compose(self) -> ComposeResult:
        """Yield heading, search entry, list, details and keys."""
        yield self.top()
        yield TextEntry(placeholder=self.PLACEHOLDER, id="find")
        with Horizontal(id="body"):
            yield Vertical(LongList(search=False, markup=False, compact=True), id="list")
            yield VerticalScroll(Panel(id="about"), id="details", can_focus=False)
        yield KeyHints(self.KEYS, id="bottom")

    def on_mount(self) -> None:
        """Start reading."""
        self.composed = True
        self.query_one(LongList).focus()
        self.show_keys()
        self.tick(monotonic())

    def on_resize(self) -> None:
        """Show the details below the list in a narrow terminal, and shorten them in a low one."""
        self.set_class(self.size.width < STACKED, "-stacked")
        self.set_class(self.size.height < LOW, "-low")
        self.set_class(self.size.height < 10, "-flat")
        if self.composed:
            self.call_after_refresh(self.list_items)
            self.call_after_refresh(self.describe_again)

    @property
    def items(self) -> list[Item]:
        """All items in the order of their groups; empty before they have been read."""
        return [item for _, items in self._groups or [] for item in items]

    @property
    def loaded(self) -> bool:
        """Whether the items have been read, or cannot be."""
        return self._groups is not None or bool(self._error)

    @property
    def opening(self) -> bool:
        """Whether an item is being opened."""
        return self._opening is not None

    # Reading and opening.

    def tick(self, now: float) -> None:
        """Check the background calls, and read again from time to time."""
        if self._opening is not None:
            self._check_opening(self._opening)
            return
        if self._reading is not None and self._reading.done:
            reading, self._reading = self._reading, None
            self._read_at = now
            self._show_items(reading)
        elif self._reading is None and now - self._read_at >= self.RELOAD_INTERVAL and self.is_current:
            self._reading = BackgroundCall(self.read)

    def _show_items(self, reading: BackgroundCall[list[Group[Item]]]) -> None:
        try:
            groups = reading.result()
        except (UserError, OSError) as error:
            self.show_error(str(error))
            return
        if groups is not self._groups and groups != self._groups:
            self._groups = groups
            keys = {self.key(item) for item in self.items}
            self._lines.keep(keys)
            self.list_items()

    def _check_opening(self, call: NamedCall[Session]) -> None:
        if not call.done:
            self.query_one("#bottom", KeyHints).show(call.progress(self.icons.spinner), "$secondary")
            return
        self._opening = None
        try:
            session = call.result()
        except UserError as error:  # a failed start must not end the app
            self.show_error(str(error))
        else:
            self._error = ""
            self.show_keys()
            self._read_at = float("-inf")
            self.post_message(self.Opened(session, self.tour))

    def show_error(self, text: str) -> None:
        """Show an error in place of the keys."""
        self._error = visible(text)
        self.show_keys()

    def show_keys(self) -> None:
        """Show the keys, or the error."""
        hints = self.query_one("#bottom", KeyHints)
        settings = getattr(self.app, "settings", None)
        hints.display = bool(self._error) or settings is None or not settings.projector
        if self._error:
            hints.show(f"! {self._error}", "bold $error")
        else:
            hints.show(self.keys, "$muted")

    # The list.

    def list_items(self) -> None:
        """List the items that match what was typed."""
        options = self.query_one(LongList)
        groups = self.shown_groups()
        if groups is None:
            options.show([self._lines.heading("reading …", "$muted")])
            return
        self._listed.clear()
        lines: list[Option] = self.introduction()
        for title, group in groups:
            items = ranked_prepared(*self.narrowed(group), lambda item: self._lines.of(item).texts)
            if not items:
                continue
            if lines:
                lines.append(self._lines.heading(f"\n{title}"))
            lines.append(self._lines.heading(title))
            headings = self.headings(items)
            for item in items:
                identity = self.key(item)
                if identity not in self._listed:
                    self._listed[identity] = item
                    lines += [self._lines.heading(headings[identity])] if identity in headings else []
                    lines.append(self._lines.of(item).option)
        if not self._listed:
            lines = [self._lines.heading("nothing matches" if self.typed else "nothing here yet", "$muted")]
            self._describe(None)
        options.show(lines)

    @property
    def line_width(self) -> int:
        """Cells of a line in the list."""
        return max(self.query_one(LongList).size.width - 4, 20)

    def _fitted(self, item: Item) -> Content:
        text = self.line(item)
        return text if text.cell_length <= self.line_width else text.truncate(self.line_width, ellipsis=True)

    def _describe(self, item: Item | None) -> None:
        about = self.brief if self.has_class("-low") and self.has_class("-stacked") else self.about
        self.query_one("#about", Panel).show(about(item) if item is not None else Content(""), layout=True)

    @property
    def selected(self) -> Item | None:
        """The highlighted item."""
        option = self.query_one(LongList).highlighted_option
        return self._listed.get(option.id or "") if option is not None else None

    def describe_again(self) -> None:
        """Show the details of the highlighted item as they are known now."""
        self._describe(self.selected)

    def read_soon(self) -> None:
        """Read all items with the next tick."""
        self._read_at = float("-inf")

    def highlight(self, item: Item) -> None:
        """Highlight an item, where it is listed."""
        options = self.query_one(LongList)
        if self.key(item) in self._listed:
            options.highlighted = options.get_option_index(self.key(item))

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._describe(self._listed.get(event.option.id or ""))

    # Keys and mouse.

    @on(Input.Changed)
    def _typing(self, event: Input.Changed) -> None:
        self.typed = event.value
        self._error = ""
        self.show_keys()
        self.list_items()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.open(self.selected)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.open(self._listed.get(event.option.id or ""))

    def open(self, item: Item | None) -> None:
        """Open an item in a thread; `Opened` is posted when its session is ready."""
        if item is not None:
            self.begin(*self.opener(item))

    def begin(self, name: str, function: Callable[[], Session]) -> None:
        """Open a session in a thread, unless one is being opened."""
        if self._opening is None:
            self._opening = NamedCall(function, visible(name), "opening", "could not be opened")
            self._check_soon()

    def _check_soon(self) -> None:
        """Look often whether the session is open: with a spare host that takes less than a tick."""
        if self._opening is not None and self._opening.done:
            self._check_opening(self._opening)
        elif self._opening is not None:
            call_after(self, OPENING_TICK, self._check_soon)

    def on_key(self, event: Key) -> None:
        """Move in the list while the search entry has the focus."""
        if isinstance(self.focused, TextEntry):
            follow(self.query_one(LongList), event)

    def act(self) -> None:
        """Open the highlighted item, as enter does."""
        self._entered()

    def leave(self) -> None:
        """Leave the screen."""
        self.post_message(self.Closed())

    def action_reload(self) -> None:
        """Read everything again."""
        self._groups, self._read_at = None, float("-inf")
