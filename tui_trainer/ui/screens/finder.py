"""The base of the home screen and the lecture contents: a searchable list with details."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui_trainer.errors import UserError
from tui_trainer.text import visible
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.forms.list_keys import follow
from tui_trainer.ui.forms.list_lines import ListLines
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.fuzzy import ranked_prepared
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.panels.panel import Panel

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.ui.copying.texts import Copyable

OPENING_TICK = 0.02
"""Seconds between two checks whether a session is open."""
Item = TypeVar("Item")
Group = tuple[str, Sequence[Item]]
"""A title and the items under it."""

MESSAGE_SECONDS = 5.0
"""Seconds for which a message stands in place of the keys."""


class Finder(Screen[None], Generic[Item], inherit_bindings=False):
    """Lists the items that a subclass reads, and opens the selected one on enter or a second click.

    The list has the focus; `/` moves it to the search entry, which filters the list. Reading and opening run in
    background threads: the screen never waits for the disk.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", show=False),
        Binding("q", "leave", show=False),
        Binding("f5", "reload", show=False),
        Binding("slash", "search", show=False),
        Binding("question_mark", "help", show=False),
        Binding("colon,ctrl+p", "palette", show=False),
        Binding("t", "theme", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
        Binding("y", "copy", show=False),
        Binding("n", "move(1)", show=False),
        Binding("N", "move(-1)", show=False),
    ]

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
    Finder.-narrow #details { display: none; }
    Finder.-low #find { margin-top: 0; }
    Finder.-low #body { margin-top: 0; }
    """

    HEADING = "tui-trainer"
    PLACEHOLDER = "/ to search"
    """Text of the empty search entry."""
    EFFECT = "open"
    """The effect of enter on an item."""
    KEEPS = False
    """Whether `K` renames, tags and deletes a run of the list."""
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
        self._opening: tuple[BackgroundCall[Session], str, float] | None = None
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

    def narrowed(self, items: Sequence[Item]) -> tuple[str, Sequence[Item]]:
        """Return the words to search for, and the items of a group among which to search."""
        return self.typed, items

    def opener(self, item: Item) -> tuple[str, Callable[[], Session]]:
        """Return the name of an item and the function that opens it, for a thread."""
        raise NotImplementedError

    def copies(self, item: Item) -> list[Copyable]:
        """Return what can be copied of an item."""
        return []

    @property
    def tour(self) -> Tour | None:
        """The position in the lecture; None for a screen that is not part of it."""
        return None

    def session_left(self) -> None:
        """React to the user leaving a session that was opened here."""

    def compose(self) -> ComposeResult:
        """Yield heading, search entry, list, details and keys."""
        yield Panel(Content.styled(self.HEADING, "bold"), id="top")
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
        """Hide the details in a narrow terminal."""
        self.set_class(self.size.width < 72, "-narrow")
        self.set_class(self.size.height < 16, "-low")
        if self.composed:
            self.call_after_refresh(self.list_items)

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
            self._check_opening(*self._opening)
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

    def _check_opening(self, call: BackgroundCall[Session], name: str, since: float) -> None:
        if not call.done:
            seconds = monotonic() - since
            frames = self.icons.spinner
            text = f"{frames[int(seconds * 5) % len(frames)]} opening {name} {seconds:.0f} s"
            self.query_one("#bottom", KeyHints).show(text, "$secondary")
            return
        self._opening = None
        try:
            session = call.result()
        except UserError as error:
            self.show_error(str(error))
        except Exception as error:  # noqa: BLE001 - a failed start must not end the app
            self.show_error(f"{name} could not be opened: {type(error).__name__}: {error}")
        else:
            self._error = ""
            self.show_keys()
            self._read_at = float("-inf")
            self.post_message(self.Opened(session, self.tour))

    def show_error(self, text: str) -> None:
        """Show an error in place of the keys."""
        self._error = visible(text)
        self.show_keys()

    def say(self, text: str, failed: bool) -> None:
        """Show a message in place of the keys for a while, or an error."""
        if failed:
            self.show_error(text)
        else:
            self._error = ""
            self.query_one("#bottom", KeyHints).show(visible(text), "$success")
            self.set_timer(MESSAGE_SECONDS, self.show_keys)

    def show_keys(self) -> None:
        """Show the keys, or the error."""
        hints = self.query_one("#bottom", KeyHints)
        if self._error:
            hints.show(f"! {self._error}", "bold $error")
        else:
            hints.show(self.KEYS, "$muted")

    # The list.

    def list_items(self) -> None:
        """List the items that match what was typed."""
        options = self.query_one(LongList)
        if self._groups is None:
            options.show([self._lines.heading("reading …", "$muted")])
            return
        self._listed.clear()
        lines: list[Option] = []
        for title, group in self._groups:
            items = ranked_prepared(*self.narrowed(group), lambda item: self._lines.of(item).texts)
            if not items:
                continue
            if self._listed:
                lines.append(self._lines.heading(f"\n{title}"))
            lines.append(self._lines.heading(title))
            for item in items:
                identity = self.key(item)
                if identity not in self._listed:
                    self._listed[identity] = item
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
        self.query_one("#about", Panel).show(self.about(item) if item is not None else Content(""), layout=True)

    @property
    def selected(self) -> Item | None:
        """The highlighted item, None without one."""
        option = self.query_one(LongList).highlighted_option
        return self._listed.get(option.id or "") if option is not None else None

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
        option = self.query_one(LongList).highlighted_option
        if option is not None:
            self.open(self._listed.get(option.id or ""))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.open(self._listed.get(event.option.id or ""))

    def open(self, item: Item | None) -> None:
        """Open an item in a thread; `Opened` is posted when its session is ready."""
        if item is not None and self._opening is None:
            name, function = self.opener(item)
            self._opening = BackgroundCall(function), visible(name), monotonic()
            self._check_soon()

    def _check_soon(self) -> None:
        """Look often whether the session is open: with a spare host that takes less than a tick."""
        if self._opening is not None and self._opening[0].done:
            self._check_opening(*self._opening)
        elif self._opening is not None:
            self.set_timer(OPENING_TICK, self._check_soon)

    def on_key(self, event: Key) -> None:
        """Move in the list while the search entry has the focus."""
        if isinstance(self.focused, TextEntry):
            follow(self.query_one(LongList), event)

    def action_move(self, offset: int) -> None:
        """Go to the next or previous item that is listed."""
        listed = self.query_one(LongList)
        (listed.action_cursor_down if offset > 0 else listed.action_cursor_up)()

    def action_search(self) -> None:
        """Type a search."""
        self.query_one(TextEntry).focus()

    def action_clear(self) -> None:
        """Empty the search entry and go back to the list; leave where both is so already."""
        entry = self.query_one(TextEntry)
        if entry.value or entry.has_focus:
            entry.value = ""
            self.query_one(LongList).focus()
        else:
            self.post_message(self.Closed())

    def action_help(self) -> None:
        """Show the keys of this screen."""
        from tui_trainer.ui.screens.finder_keys import finder_section
        from tui_trainer.ui.screens.help import Help

        self.app.push_screen(Help([finder_section(self.HEADING, self.EFFECT, keeps=self.KEEPS)]))

    def action_palette(self) -> None:
        """Find a command or a theme."""
        from tui_trainer.ui.screens.command_palette import CommandPalette
        from tui_trainer.ui.screens.finder_keys import finder_commands

        commands = finder_commands(self.EFFECT, keeps=self.KEEPS)

        def chosen(answer: str | None) -> None:
            if answer == "open":
                self._entered()
            elif answer is not None and any(command.id == answer for command in commands):
                getattr(self, f"action_{answer}")()

        self.app.push_screen(CommandPalette(commands), chosen)

    def action_theme(self) -> None:
        """Choose the colours."""
        from tui_trainer.ui.screens.theme_picker import ThemePicker

        self.app.push_screen(ThemePicker())

    def action_copy(self) -> None:
        """Copy the name, the path or a command of the highlighted item."""
        from tui_trainer.ui.screens.dialogs.copying import Copy

        option = self.query_one(LongList).highlighted_option
        if option is not None and (item := self._listed.get(option.id or "")) is not None:
            self.app.push_screen(Copy(self.copies(item)), self._copied)

    def _copied(self, said: str | None) -> None:
        if said is not None:
            self.query_one("#bottom", KeyHints).show(said, "$secondary")
            self.set_timer(8.0, self.show_keys)

    def action_leave(self) -> None:
        """Leave the screen."""
        self.post_message(self.Closed())

    def action_reload(self) -> None:
        """Read everything again."""
        self._groups, self._read_at = None, float("-inf")
