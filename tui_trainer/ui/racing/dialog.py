"""The dialog of a race: settings, price, curves, results, and the choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_trainer.errors import UserError
from tui_trainer.protocol.commands import AnyCommand, Race, TakeRace
from tui_trainer.protocol.describe import describe
from tui_trainer.protocol.race.lines import MOST, UNCHANGED
from tui_trainer.protocol.race.words import result_of
from tui_trainer.state.branching.branches import Branch
from tui_trainer.state.races.view import RaceView, branch_id
from tui_trainer.state.run_state import RunState
from tui_trainer.text import padded, visible
from tui_trainer.ui.charts.model import ChartData
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.racing.chart import NAME, race_chart
from tui_trainer.ui.render.chart_widget import Chart
from tui_trainer.ui.screens.dialogs.base import Dialog

POLL = 0.1
"""Seconds between two looks for the answer of the run."""
EXAMPLES = ("lr=0.1", "lr=x3", "optimizer=adam lr=0.003", "clip=1 weight_decay=1e-4")
FORM_HINTS = "enter say the price · tab next line · esc cancel"
PRICED_HINTS = "enter race · tab change it · esc cancel"
RACING_HINTS = "esc cancel the race"
RESULT_HINTS = "1-{count} take · enter take {best} · n none, go on · r race again · esc {leave}"


class RaceDialog(Dialog[TakeRace]):
    """Answers with the decision about a race.

    Args:
        read: returns the state of the run.
        send: sends a command to the run and returns its id.
        waits: returns whether the answer to a command has not come yet.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", show=False)]

    DEFAULT_CSS = """
    RaceDialog > #frame { width: 92; }
    RaceDialog #said, RaceDialog #results { height: auto; color: $muted; }
    RaceDialog #form { height: auto; }
    RaceDialog #form TextEntry { margin: 0; }
    RaceDialog Chart { width: 1fr; height: 16; max-height: 55vh; display: none; }
    RaceDialog #results { display: none; }
    RaceDialog.-racing Chart, RaceDialog.-racing #results { display: block; }
    RaceDialog.-racing #form { display: none; }
    RaceDialog.-racing.-short Chart { display: none; }
    RaceDialog #results { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    HINTS = FORM_HINTS

    def __init__(
        self,
        read: Callable[[], RunState],
        send: Callable[[AnyCommand], str],
        waits: Callable[[str], bool],
    ) -> None:
        super().__init__("Race")
        self._read, self._send, self._waits = read, send, waits
        self._sent = ""
        """Id of the command whose answer is awaited; empty where none is."""
        self._race: Race | None = None
        """The race whose price was said, or that was begun."""
        self._began = False
        self._drawn: tuple[int, ...] = ()
        """Steps of the race, and losses of each of the settings, that the chart shows."""

    # -- the form ---------------------------------------------------------------------------------------------------

    def inside(self) -> list[Widget]:
        """Return the entries, the chart and the results."""
        glyphs = "ascii" if self.app.has_class("-ascii") else "braille"
        entries = [
            TextEntry(
                UNCHANGED if not place else "", placeholder=f"{place + 1}  such as {EXAMPLES[place]}", id=f"s{place}"
            )
            for place in range(MOST)
        ]
        words = (
            f"two to four settings, from the state in hand; {UNCHANGED} is the present one; then the number of steps"
        )
        return [
            Static(Content(words), id="said", markup=False),
            Vertical(*entries, TextEntry("50", placeholder="steps", id="steps"), id="form"),
            Chart(0, NAME, glyphs=glyphs),
            Static(id="results", markup=False),
        ]

    def on_mount(self) -> None:
        """Show the race whose choice is open, or the form."""
        super().on_mount()
        self.set_interval(POLL, self._look)
        view = self._read().race
        if view is not None and view.lanes:
            self._show_results(view)
        else:
            self.query_one("#s1", TextEntry).focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_accept()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._race is not None and not self._began and not self._sent:
            self._race = None
            self._hint(FORM_HINTS)
            self.show_error("")

    def _typed_race(self) -> Race | None:
        """Return the race as it was typed; None with an error shown where it is not valid."""
        from tui_trainer.protocol.command_parser import parse_command

        lines = [self.query_one(f"#s{place}", TextEntry).value.strip() for place in range(MOST)]
        steps = self.query_one("#steps", TextEntry).value.strip()
        try:
            race = parse_command("race", [*(line for line in lines if line), f"steps={steps}"])
        except UserError as error:
            self.show_error(str(error).removeprefix("send "))
            return None
        self.show_error("")
        return race if isinstance(race, Race) else None

    # -- the keys ---------------------------------------------------------------------------------------------------

    def action_accept(self) -> None:
        """Ask for the price, race, or take the best."""
        view = self._read().race
        if self._results_shown(view):
            if view is not None and view.outcome is not None and view.outcome.best:
                self.answer(TakeRace(lane=view.outcome.best))
        elif self._sent or self._began:
            return
        elif self._race is not None:
            self._begin(self._race)
        elif (race := self._typed_race()) is not None:
            self._race = race
            self._say("asking for the price")
            self._sent = self._send(race.model_copy(update={"price": True}))

    def _begin(self, race: Race) -> None:
        self._began, self._drawn = True, ()
        self.add_class("-racing")
        self._hint(RACING_HINTS)
        self._say(f"racing {len(race.settings)} x {race.steps} steps on the same batches")
        self._sent = self._race_id = self._send(race)
        self.set_focus(None)

    def on_key(self, event: Key) -> None:
        """Take settings by their number, none, or go back to the form."""
        view = self._read().race
        if not self._results_shown(view):
            return
        assert view is not None
        if event.key.isdecimal() and 1 <= int(event.key) <= len(view.lanes):
            event.stop()
            broke = view.lanes[int(event.key) - 1].broke
            if broke:
                self.show_error(f"{event.key} cannot be taken: {visible(broke)}")
            else:
                self.answer(TakeRace(lane=int(event.key)))
        elif event.key in ("n", "0"):
            event.stop()
            self.answer(TakeRace())
        elif event.key == "r":
            event.stop()
            self._open_form()

    def action_leave(self) -> None:
        """Cancel a race that goes on; else leave, with nothing taken where a choice is awaited."""
        view = self._read().race
        open_choice = self._results_shown(view) and view is not None and view.waits
        self.answer(TakeRace() if open_choice or (self._began and self._sent) else None)

    def _open_form(self) -> None:
        self._race, self._began, self._sent = None, False, ""
        self.remove_class("-racing")
        self._hint(FORM_HINTS)
        self.call_after_refresh(self.query_one("#s1", TextEntry).focus)

    # -- the answers ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if not self._sent or self._race is None:
            return
        state = self._read()
        if self._began:
            self._draw(state, self._race_id, self._race.steps)
        view = state.race
        if self._waits(self._sent):
            return
        answered, self._sent = self._sent, ""
        if view is not None and self._began and view.id == answered:
            self._show_results(view)
        elif (
            view is not None
            and view.price is not None
            and view.price.cause is not None
            and (view.price.cause.id == answered)
        ):
            self._say(describe(view.price.model_copy(update={"cause": None})) or "")
            self._hint(PRICED_HINTS)
        else:
            self._open_form()
            refusals = [line.text for line in state.log if line.text.startswith("refused: ")]
            self.show_error(refusals[-1].removeprefix("refused: ") if refusals else "the run refused")

    def _draw(self, state: RunState, race: str, steps: int) -> None:
        lanes = lanes_of(state, race)
        drawn = steps, *(len(lane.curves["train_loss"].steps) for lane in lanes)
        if drawn != self._drawn:
            self._drawn = drawn

            def chart(width: int, height: int) -> ChartData:
                return race_chart(lanes, steps, width, height)

            self.query_one(Chart).show(chart)

    def _results_shown(self, view: RaceView | None) -> bool:
        return view is not None and bool(view.lanes) and self.has_class("-racing") and not self._sent

    def _show_results(self, view: RaceView) -> None:
        outcome = view.outcome
        assert outcome is not None
        if not view.lanes:
            self._open_form()
            self.show_error("the race was cancelled; the run is as it was")
            return
        self.add_class("-racing")
        self.set_focus(None)
        self._draw(self._read(), view.id, view.steps)
        taken = f"; {view.taken} was taken" if view.taken else "; none was taken" if view.taken == 0 else ""
        self._say(f"from step {view.step:,}, {outcome.steps} steps each{taken}")
        best = f"{outcome.best}" if outcome.best else "nothing"
        leave = "none, go on" if view.waits else "close"
        self._hint(RESULT_HINTS.format(count=len(view.lanes), best=best, leave=leave))
        results = [visible(result_of(lane)) for lane in view.lanes]
        width = max(map(len, results))
        lines: list[str] = []
        for place, lane in enumerate(view.lanes, 1):
            star = "*" if place == outcome.best else " "
            lines.append(f"{star}{place}  {padded(results[place - 1], width)}  {visible(lane.settings)}")
        self.query_one("#results", Static).update(Content("\n".join(lines)))

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(Content(visible(text)))

    def _hint(self, hints: str) -> None:
        self.query_one("#keys", KeyHints).show(hints)


def lanes_of(state: RunState, race: str) -> list[Branch]:
    """Return the curves of the settings of a race, in the order of their numbers."""
    ids = [branch_id(race, number) for number in range(1, MOST + 1)]
    return sorted((branch for branch in state.branches if branch.id in ids), key=lambda branch: ids.index(branch.id))
