"""A list with a line to find things by, and what is chosen at the right: what the screens before a training share."""

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
from tui_trainer.ui.background_call import Errand
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.list_keys import follow
from tui_trainer.ui.fuzzy import ranked
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.panels.panel import Panel

if TYPE_CHECKING:
    from tui_trainer.session.base import Session

Item = TypeVar("Item")
Group = tuple[str, Sequence[Item]]
"""A title and what stands under it."""


class _Find(TextEntry):
    """The line to find things by. `q` is a key of the screen while nothing has been typed, and then a letter."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return (key != "q" or bool(self.value)) and super().check_consume_key(key, character)


class Finder(Screen[None], Generic[Item], inherit_bindings=False):
    """Lists what a subclass reads, finds by a few letters, opens what is chosen; it never waits for the disk."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", show=False),
        Binding("q", "leave", show=False, priority=True),
        Binding("f5", "look_again", show=False),
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
    Finder #bottom { height: 1; padding: 0 1; background: $panel; }
    Finder.-narrow #details { display: none; }
    Finder.-low #find { margin-top: 0; }
    Finder.-low #body { margin-top: 0; }
    """

    HEADING = "tui-trainer"
    WHAT = "type to find"
    """What the empty line says."""
    KEYS = "enter open · ↑↓ choose · type to find · f5 read again · q leave"
    AGAIN = 2.0
    """Seconds between two looks at what there is."""

    class Opened(Message):
        """A session is ready to be watched."""

        def __init__(self, session: Session, tour: Tour | None) -> None:
            super().__init__()
            self.session = session
            self.tour = tour

    class Closed(Message):
        """The person wants to leave."""

    def __init__(self, signs: Icons) -> None:
        super().__init__()
        self.signs = signs
        self.composed = False
        """Whether there are widgets to draw on."""
        self.typed = ""
        self._groups: list[Group[Item]] | None = None
        self._reading: Errand[list[Group[Item]]] | None = None
        self._opening: tuple[Errand[Session], str, float] | None = None
        self._read_at = float("-inf")
        self._items: dict[str, Item] = {}
        self._problem = ""

    # What a subclass says.

    def read(self) -> list[Group[Item]]:
        """Everything there is, in its groups; called beside the screen. Raises `UserError` or `OSError`."""
        raise NotImplementedError

    def key(self, item: Item) -> str:
        """What tells an item from all others."""
        raise NotImplementedError

    def texts(self, item: Item) -> tuple[str, ...]:
        """What an item is found by, the most telling first."""
        raise NotImplementedError

    def line(self, item: Item) -> Content:
        """An item in the list."""
        raise NotImplementedError

    def about(self, item: Item) -> Content:
        """An item at the right."""
        raise NotImplementedError

    def errand(self, item: Item) -> tuple[str, Callable[[], Session]]:
        """What an item is called while it is opened, and what opens it."""
        raise NotImplementedError

    @property
    def tour(self) -> Tour | None:
        """The way through the lecture, where this screen is a part of it."""
        return None

    def came_back(self) -> None:
        """What was opened from here has been left."""

    # What is the same for all.

    def compose(self) -> ComposeResult:
        """A line on top, a line to type in, the list, the details, the keys."""
        yield Panel(Content.styled(self.HEADING, "bold"), id="top")
        yield _Find(placeholder=self.WHAT, id="find")
        with Horizontal(id="body"):
            yield Vertical(OptionList(markup=False, compact=True), id="list")
            yield VerticalScroll(Panel(id="about"), id="details", can_focus=False)
        yield Panel(id="bottom")

    def on_mount(self) -> None:
        """Begin to read."""
        self.composed = True
        self.query_one(OptionList).can_focus = False
        self.query_one(TextEntry).focus()
        self.say_keys()
        self.tick(monotonic())

    def on_resize(self) -> None:
        """A narrow terminal has room for the list alone."""
        self.set_class(self.size.width < 72, "-narrow")
        self.set_class(self.size.height < 16, "-low")
        if self.composed:
            self.call_after_refresh(self.list_items)

    @property
    def found(self) -> list[Item]:
        """What there is, in the order of its groups; empty before it has been read."""
        return [item for _, items in self._groups or [] for item in items]

    @property
    def opening(self) -> bool:
        """Whether something is being opened."""
        return self._opening is not None

    # What comes from the disk.

    def tick(self, now: float) -> None:
        """Look in on what is being read or started, and read again from time to time."""
        if self._opening is not None:
            self._look_in(*self._opening)
            return
        if self._reading is not None and self._reading.done:
            reading, self._reading = self._reading, None
            self._read_at = now
            self._take(reading)
        elif self._reading is None and now - self._read_at >= self.AGAIN and self.is_current:
            self._reading = Errand(self.read)

    def _take(self, reading: Errand[list[Group[Item]]]) -> None:
        try:
            groups = reading.result()
        except (UserError, OSError) as error:
            self.complain(str(error))
            return
        if groups != self._groups:
            self._groups = groups
            self.list_items()

    def _look_in(self, errand: Errand[Session], name: str, since: float) -> None:
        if not errand.done:
            passed = monotonic() - since
            spinner = self.signs.spinner
            sign = spinner[int(passed * 5) % len(spinner)]
            self.query_one("#bottom", Panel).show(Content.styled(f"{sign} opening {name} {passed:.0f} s", "$secondary"))
            return
        self._opening = None
        try:
            session = errand.result()
        except UserError as error:
            self.complain(str(error))
        except Exception as error:  # noqa: BLE001 - whatever a start comes to, this screen stays and says it
            self.complain(f"{name} could not be opened: {type(error).__name__}: {error}")
        else:
            self._problem = ""
            self.say_keys()
            self._read_at = float("-inf")
            self.post_message(self.Opened(session, self.tour))

    def complain(self, text: str) -> None:
        """Say what is wrong in place of the keys."""
        self._problem = visible(text)
        self.say_keys()

    def say_keys(self) -> None:
        """Say the keys, or what is wrong."""
        line = (
            Content.styled(f"! {self._problem}", "bold $error")
            if self._problem
            else Content.styled(self.KEYS, "$muted")
        )
        self.query_one("#bottom", Panel).show(line)

    # What is seen.

    def list_items(self) -> None:
        """List what fits what was typed."""
        options = self.query_one(OptionList)
        if self._groups is None:
            options.clear_options()
            options.add_option(Option(Content.styled("reading …", "$muted"), disabled=True))
            return
        chosen = options.highlighted_option.id if options.highlighted_option is not None else None
        self._items.clear()
        options.clear_options()
        for title, members in self._groups:
            items = ranked(self.typed, members, self.texts)
            if not items:
                continue
            if self._items:
                options.add_option(Option("", disabled=True))
            options.add_option(Option(Content.styled(visible(title), "bold $secondary"), disabled=True))
            for item in items:
                identity = self.key(item)
                if identity not in self._items:
                    self._items[identity] = item
                    options.add_option(Option(self._fitted(item), id=identity))
        if not self._items:
            nothing = "nothing is called that" if self.typed else "there is nothing yet"
            options.add_option(Option(Content.styled(nothing, "$muted"), disabled=True))
            self._describe(None)
            return
        first = next(index for index in range(options.option_count) if not options.get_option_at_index(index).disabled)
        options.highlighted = options.get_option_index(chosen) if chosen in self._items else first

    @property
    def room(self) -> int:
        """Cells of a line of the list."""
        return max(self.query_one(OptionList).size.width - 4, 20)

    def _fitted(self, item: Item) -> Content:
        text = self.line(item)
        return text if text.cell_length <= self.room else text.truncate(self.room, ellipsis=True)

    def _describe(self, item: Item | None) -> None:
        self.query_one("#about", Panel).show(self.about(item) if item is not None else Content(""), layout=True)

    def highlight(self, item: Item) -> None:
        """Choose an item in the list, where it is listed."""
        options = self.query_one(OptionList)
        if self.key(item) in self._items:
            options.highlighted = options.get_option_index(self.key(item))

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._describe(self._items.get(event.option.id or ""))

    # What a person does.

    @on(Input.Changed)
    def _typing(self, event: Input.Changed) -> None:
        self.typed = event.value
        self._problem = ""
        self.say_keys()
        self.list_items()

    @on(Input.Submitted)
    def _entered(self) -> None:
        option = self.query_one(OptionList).highlighted_option
        if option is not None:
            self.open(self._items.get(option.id or ""))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.open(self._items.get(event.option.id or ""))

    def open(self, item: Item | None) -> None:
        """Open an item beside the screen; `Opened` says when it is ready."""
        if item is not None and self._opening is None:
            name, call = self.errand(item)
            self._opening = Errand(call), visible(name), monotonic()

    def on_key(self, event: Key) -> None:
        """The list follows the arrows while the line keeps the focus."""
        follow(self.query_one(OptionList), event)

    def action_clear(self) -> None:
        """Escape empties the line, and then leaves."""
        entry = self.query_one(TextEntry)
        if entry.value:
            entry.value = ""
        else:
            self.post_message(self.Closed())

    def action_leave(self) -> None:
        """Leave."""
        self.post_message(self.Closed())

    def action_look_again(self) -> None:
        """Read everything anew."""
        self._groups, self._read_at = None, float("-inf")
