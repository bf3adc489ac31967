"""The first screen: presets to start, runs to join, finished runs to open."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

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
from tui_trainer.runs.listing import RunInfo
from tui_trainer.session.catalogue import Catalogue, PresetInfo
from tui_trainer.text import number, visible
from tui_trainer.ui.errand import Errand
from tui_trainer.ui.finding import ranked
from tui_trainer.ui.signs import STATE_STYLES, Signs
from tui_trainer.ui.widgets.entry import Entry
from tui_trainer.ui.widgets.panel import Panel

if TYPE_CHECKING:
    from tui_trainer.session.base import Session

AGAIN = 2.0
"""Seconds between two looks at the runs directory."""

Item = PresetInfo | RunInfo


@dataclass(slots=True)
class Listing:
    """What there is, as it was last read."""

    presets: list[PresetInfo]
    runs: list[RunInfo]


class _Find(Entry):
    """The line to find things by. `q` is a key of the screen while nothing has been typed, and then a letter."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return (key != "q" or bool(self.value)) and super().check_consume_key(key, character)


class Home(Screen[None], inherit_bindings=False):
    """A list with a line to find things by, and what is chosen at the right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", show=False),
        Binding("q", "leave", show=False, priority=True),
        Binding("f5", "look_again", show=False),
    ]

    DEFAULT_CSS = """
    Home { layout: vertical; background: $background; }
    Home #top { height: 1; padding: 0 1; background: $panel; }
    Home #find { margin-top: 1; width: 1fr; }
    Home #body { height: 1fr; margin-top: 1; }
    Home #list { width: 1fr; height: 1fr; padding: 0 1; }
    Home OptionList, Home OptionList:focus {
        width: 1fr; height: 1fr; border: none; padding: 0; background: $background;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    Home #details { width: 42%; height: 1fr; padding: 0 1; background: $surface; scrollbar-size-vertical: 1; }
    Home #details Panel { text-wrap: wrap; }
    Home #bottom { height: 1; padding: 0 1; background: $panel; }
    Home.-narrow #details { display: none; }
    Home.-low #find { margin-top: 0; }
    Home.-low #body { margin-top: 0; }
    """

    class Opened(Message):
        """A session is ready to be watched."""

        def __init__(self, session: Session) -> None:
            super().__init__()
            self.session = session

    class Closed(Message):
        """The person wants to leave."""

    def __init__(self, catalogue: Catalogue, signs: Signs) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._signs = signs
        self.composed = False
        """Whether there are widgets to draw on."""
        self._listing: Listing | None = None
        self._reading: Errand[Listing] | None = None
        self._opening: tuple[Errand[Session], str, float] | None = None
        self._read_at = 0.0
        self._items: dict[str, Item] = {}
        self._typed = ""
        self._problem = ""

    def compose(self) -> ComposeResult:
        """A line on top, a line to type in, the list, the details, the keys."""
        yield Panel(Content.styled("tui-trainer", "bold"), id="top")
        yield _Find(placeholder="type to find a preset or a run", id="find")
        with Horizontal(id="body"):
            yield Vertical(OptionList(markup=False, compact=True), id="list")
            yield VerticalScroll(Panel(id="about"), id="details", can_focus=False)
        yield Panel(id="bottom")

    def on_mount(self) -> None:
        """Begin to read."""
        self.composed = True
        self.query_one(OptionList).can_focus = False
        self.query_one(Entry).focus()
        self._say_keys()
        self.tick(monotonic())

    def on_resize(self) -> None:
        """A narrow terminal has room for the list alone."""
        self.set_class(self.size.width < 72, "-narrow")
        self.set_class(self.size.height < 16, "-low")
        if self.composed:
            self._list()

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
        elif self._reading is None and now - self._read_at >= AGAIN and self.is_current:
            self._reading = Errand(self._read)

    def _read(self) -> Listing:
        presets = self._listing.presets if self._listing is not None else self._catalogue.presets()
        return Listing(presets, self._catalogue.runs())

    def _take(self, reading: Errand[Listing]) -> None:
        try:
            listing = reading.result()
        except (UserError, OSError) as error:
            self._complain(str(error))
            return
        if listing != self._listing:
            self._listing = listing
            self._list()

    def _look_in(self, errand: Errand[Session], name: str, since: float) -> None:
        if not errand.done:
            passed = monotonic() - since
            spinner = self._signs.spinner
            sign = spinner[int(passed * 5) % len(spinner)]
            self.query_one("#bottom", Panel).show(Content.styled(f"{sign} opening {name} {passed:.0f} s", "$secondary"))
            return
        self._opening = None
        try:
            session = errand.result()
        except UserError as error:
            self._complain(str(error))
        except Exception as error:  # noqa: BLE001 - whatever a start comes to, this screen stays and says it
            self._complain(f"{name} could not be opened: {type(error).__name__}: {error}")
        else:
            self._problem = ""
            self._say_keys()
            self._read_at = 0.0
            self.post_message(self.Opened(session))

    def _complain(self, text: str) -> None:
        self._problem = visible(text)
        self._say_keys()

    def _say_keys(self) -> None:
        keys = "enter open · ↑↓ choose · type to find · f5 read again · q leave"
        line = Content.styled(f"! {self._problem}", "bold $error") if self._problem else Content.styled(keys, "$muted")
        self.query_one("#bottom", Panel).show(line)

    # What is seen.

    def _list(self) -> None:
        options = self.query_one(OptionList)
        listing = self._listing
        if listing is None:
            options.clear_options()
            options.add_option(Option(Content.styled("reading …", "$muted"), disabled=True))
            return
        chosen = options.highlighted_option.id if options.highlighted_option is not None else None
        live = [run for run in listing.runs if run.live]
        done = [run for run in listing.runs if not run.live]
        groups: list[tuple[str, list[Item]]] = [("Running", [*self._found(live)])]
        for name in dict.fromkeys(preset.group for preset in listing.presets):
            members = [preset for preset in listing.presets if preset.group == name]
            groups.append((name or "Presets", [*self._found(members)]))
        groups.append(("Finished", [*self._found(done)]))
        self._items.clear()
        options.clear_options()
        for title, items in groups:
            if not items:
                continue
            if self._items:
                options.add_option(Option("", disabled=True))
            options.add_option(Option(Content.styled(visible(title), "bold $secondary"), disabled=True))
            for item in items:
                identity = f"{'run' if isinstance(item, RunInfo) else 'preset'}:{_key(item)}"
                if identity not in self._items:
                    self._items[identity] = item
                    options.add_option(Option(self._line(item), id=identity))
        if not self._items:
            nothing = "nothing is called that" if self._typed else "there is nothing yet"
            options.add_option(Option(Content.styled(nothing, "$muted"), disabled=True))
            self._describe(None)
            return
        first = next(index for index in range(options.option_count) if not options.get_option_at_index(index).disabled)
        options.highlighted = options.get_option_index(chosen) if chosen in self._items else first

    def _found(self, items: list[Item] | list[PresetInfo] | list[RunInfo]) -> list[Item]:
        return ranked(self._typed, items, _texts)

    def _line(self, item: Item) -> Content:
        width = max(self.query_one(OptionList).size.width - 4, 20)
        if isinstance(item, PresetInfo):
            text = Content.assemble(f"  {visible(item.name):<24} ", (visible(item.title), "$muted"))
        else:
            best = f"  {number(float(item.best['value']))}" if item.best and "value" in item.best else ""
            text = Content.assemble(
                "  ",
                (self._signs.state(item.status), STATE_STYLES.get(item.status, "$muted")),
                f" {visible(item.name):<32} ",
                (f"{item.reason or item.status} · epoch {item.epoch}{best}", "$muted"),
            )
        return text if text.cell_length <= width else text.truncate(width, ellipsis=True)

    def _describe(self, item: Item | None) -> None:
        self.query_one("#about", Panel).show(_about(item) if item is not None else Content(""), layout=True)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._describe(self._items.get(event.option.id or ""))

    # What a person does.

    @on(Input.Changed)
    def _typing(self, event: Input.Changed) -> None:
        self._typed = event.value
        self._problem = ""
        self._say_keys()
        self._list()

    @on(Input.Submitted)
    def _entered(self) -> None:
        option = self.query_one(OptionList).highlighted_option
        if option is not None:
            self._open(self._items.get(option.id or ""))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._open(self._items.get(event.option.id or ""))

    def _open(self, item: Item | None) -> None:
        if item is None or self._opening is not None:
            return
        catalogue = self._catalogue
        if isinstance(item, PresetInfo):
            errand = Errand(lambda: catalogue.start(item.name))
        else:
            errand = Errand(lambda: catalogue.join(item))
        self._opening = errand, visible(item.name), monotonic()

    def on_key(self, event: Key) -> None:
        """The list follows the arrows while the line keeps the focus."""
        options = self.query_one(OptionList)
        moves = {
            "up": options.action_cursor_up,
            "down": options.action_cursor_down,
            "pageup": options.action_page_up,
            "pagedown": options.action_page_down,
        }
        if event.key in moves:
            event.stop()
            moves[event.key]()

    def action_clear(self) -> None:
        """Escape empties the line, and then leaves."""
        entry = self.query_one(Entry)
        if entry.value:
            entry.value = ""
        else:
            self.post_message(self.Closed())

    def action_leave(self) -> None:
        """Leave."""
        self.post_message(self.Closed())

    def action_look_again(self) -> None:
        """Read presets and runs anew."""
        self._listing, self._read_at = None, 0.0


def _key(item: Item) -> str:
    return item.name if isinstance(item, PresetInfo) else item.path


def _texts(item: Item) -> tuple[str, ...]:
    if isinstance(item, PresetInfo):
        return item.name, item.title, item.summary, item.group
    return item.name, item.preset, item.status, item.reason


def _about(item: Item) -> Content:
    if isinstance(item, PresetInfo):
        lines = [Content.styled(visible(item.title or item.name), "bold"), Content(visible(item.summary))]
        if item.variants:
            lines += [Content(""), Content.styled("trains side by side", "$muted")]
            lines += [Content(f"  {visible(name)}") for name in item.variants]
        return Content("\n").join([*lines, Content(""), Content.styled("enter starts it", "$muted")])
    lines = [Content.styled(visible(item.name), "bold"), Content.styled(visible(item.path), "$muted"), Content("")]
    lines.append(Content(f"{item.status}{': ' + visible(item.reason) if item.reason else ''}"))
    lines.append(Content(f"epoch {item.epoch}, step {item.step:,}"))
    lines += [
        Content.assemble((f"{visible(name):<16}", "$muted"), number(value)) for name, value in item.metrics.items()
    ]
    if item.best is not None:
        lines.append(Content.assemble((f"{'best':<16}", "$muted"), _best(item)))
    deed = "joins it" if item.live else "opens it"
    return Content("\n").join([*lines, Content(""), Content.styled(f"enter {deed}", "$muted")])


def _best(item: RunInfo) -> str:
    best = item.best or {}
    value = best.get("value")
    shown = number(value) if isinstance(value, float) else str(value)
    return visible(f"{best.get('metric', '')} {shown} in epoch {best.get('epoch', '')}")
