"""The guards of a run: a line to type with its dry run, and the list of those that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.errors import UserError
from tui_trainer.guards.grammar import EXAMPLE, MAX_RULE, parse_rule
from tui_trainer.guards.rule import GuardRule
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.guards.describe import guard_standing
from tui_trainer.protocol.guards.events import GuardState
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import blank
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.guarding.preview import guard_chart, known_metrics, preview
from tui_trainer.ui.render.chart_widget import Chart
from tui_trainer.ui.screens.dialogs.base import Dialog
from tui_trainer.ui.terminal.one_shot import call_after

TYPED = 0.3
"""Seconds after the last letter at which the dry run begins."""
POLL = 0.5
"""Seconds between two looks at the guards of the run."""
HELP = f"a guard acts by itself: {EXAMPLE}"


class GuardsDialog(Dialog[None]):
    """Arms what is typed; switches and removes the guards of the list. It stays open until escape.

    Args:
        read: returns the run.
        send: sends a command to it.
        draft: the rule to begin with.
        mark: called with what is typed and the steps at which it would have fired.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,backspace", "remove", show=False),
        Binding("space", "switch", show=False),
    ]

    DEFAULT_CSS = """
    GuardsDialog > #frame { width: 100; }
    GuardsDialog #said { height: auto; max-height: 3; color: $muted; }
    GuardsDialog Chart { width: 1fr; height: 10; display: none; }
    GuardsDialog.-drawing Chart { display: block; }
    GuardsDialog.-short Chart { height: 6; }
    GuardsDialog OptionList { height: auto; max-height: 6; margin-top: 1; }
    GuardsDialog.-short OptionList { max-height: 3; margin-top: 0; }
    GuardsDialog.-low Chart { display: none; }
    """

    HINTS = "enter arm · tab list · space on or off · del remove · esc close"

    def __init__(
        self,
        read: Callable[[], RunState],
        send: Callable[[cmd.AnyCommand], None],
        draft: str = "",
        mark: Callable[[str, tuple[int, ...]], None] = lambda typed, steps: None,
    ) -> None:
        super().__init__("Guards")
        self._read, self._send, self._draft, self._mark = read, send, draft, mark
        self._rule: GuardRule | None = None
        self._guards: tuple[GuardState, ...] = ()
        self._timer: Timer | None = None

    def inside(self) -> list[Widget]:
        """Return the entry, the dry run, the chart and the list."""
        glyphs = "ascii" if self.app.has_class("-ascii") else "braille"
        return [
            TextEntry(self._draft, placeholder="when CONDITION: ACTION", max_length=MAX_RULE, id="rule"),
            Static(Content(HELP), id="said", markup=False),
            Chart(0, "guard", glyphs=glyphs),
            Picker(letters=False, markup=False, compact=True),
        ]

    def on_mount(self) -> None:
        """Show the guards and keep them up to date."""
        super().on_mount()
        self.query_one("#rule", TextEntry).focus()
        self._refresh_list()
        self.set_interval(POLL, self._refresh_list)

    def on_resize(self) -> None:
        """Leave the chart out where there is no room for it."""
        super().on_resize()
        self.set_class(self.size.height < 24, "-short")
        self.set_class(self.size.height < 16, "-low")

    def _refresh_list(self) -> None:
        guards = self._read().guards
        listed = self.query_one(Picker)
        listed.display = bool(guards)
        if guards == self._guards:
            return
        self._guards = guards
        at = listed.highlighted or 0
        listed.clear_options()
        listed.add_options([Option(_line(guard), id=guard.name) for guard in guards])
        listed.highlighted = min(at, len(guards) - 1) if guards else None

    @on(Input.Changed, "#rule")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = call_after(self, TYPED, self._try)

    def _parsed(self) -> GuardRule | None:
        text = self.query_one("#rule", TextEntry).value.strip()
        if not text:
            self.show_error("")
            self._say(HELP)
            return None
        try:
            rule = parse_rule(text, known_metrics(self._read()))
        except UserError as error:
            self.show_error(str(error))
            self._say("")
            return None
        self.show_error("")
        return rule

    def _try(self) -> None:
        """Show when the rule that is typed would have fired."""
        self._rule = rule = self._parsed()
        self.set_class(rule is not None, "-drawing")
        if rule is None:
            self._mark("", ())
            return
        state = self._read()
        dry = preview(rule, state)
        self._mark(str(rule), tuple(dry.steps))
        self._say(f"{dry} (marks ? on the charts; esc shows them)" if dry.firings else str(dry))
        chart = self.query_one(Chart)
        chart.show(lambda width, height: guard_chart(rule, dry, state, width, height) if width else blank(0, "guard"))

    def _say(self, text: str) -> None:
        line = self.query_one("#said", Static)
        line.update(Content(text))
        line.display = bool(text)

    @on(Input.Submitted, "#rule")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        rule = self._parsed()
        if rule is None:
            return
        self._send(cmd.SetGuard(rule=str(rule)))
        self.query_one("#rule", TextEntry).value = ""
        self._mark("", ())
        self.remove_class("-drawing")
        self._say(f"sent: {rule}")

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        """Take the rule of a guard up in the entry."""
        event.stop()
        entry = self.query_one("#rule", TextEntry)
        entry.value = next((guard.rule for guard in self._guards if guard.name == event.option.id), "")
        entry.focus()

    def _highlighted(self) -> GuardState | None:
        listed = self.query_one(Picker)
        if not listed.has_focus or listed.highlighted is None or listed.highlighted >= len(self._guards):
            return None
        return self._guards[listed.highlighted]

    def action_switch(self) -> None:
        """Switch the guard of the list on or off."""
        if (guard := self._highlighted()) is not None:
            self._send(cmd.SetGuard(name=guard.name, on=not guard.on))

    def action_remove(self) -> None:
        """Remove the guard of the list."""
        if (guard := self._highlighted()) is not None:
            self._send(cmd.RemoveGuard(name=guard.name))


def _line(guard: GuardState) -> Content:
    sign = "[x]" if guard.on else "[ ]"
    style = "bold $primary" if guard.on else "$muted"
    rule, standing = visible(guard.rule), visible(guard_standing(guard))
    return Content.assemble((f"{sign} ", style), (f"{visible(guard.name)}  ", style), rule, (f"  {standing}", "$muted"))
