"""The dialog of a batch that is tried: the change of its loss at some rates, and the samples that pull hardest."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_trainer.protocol.commands import AnyCommand, SetLearningRate, ShowAnswers, StepOnce, TryStep
from tui_trainer.protocol.events import StepTried
from tui_trainer.protocol.race.words import name_of, signed
from tui_trainer.state.run_state import RunState
from tui_trainer.text import number, padded, visible
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.forms.parse_number import parse_rate
from tui_trainer.ui.screens.dialogs.base import Dialog

POLL = 0.1
"""Seconds between two looks for the answer of the run."""
HINTS = "↑↓ rate · enter set it · r another rate · . one step · a ask the model · t try again · esc close"
FEW, SHORT = 3, 15
"""Samples that are shown in a short terminal, and the height below which there are none."""


class StepDialog(Dialog[SetLearningRate | ShowAnswers]):
    """Answers with the rate that was chosen, or with an empty question where the model is to be asked.

    Args:
        read: returns the state of the run.
        send: sends a command to the run and returns its id.
        waits: returns whether the answer to a command has not come yet.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", show=False)]

    DEFAULT_CSS = """
    StepDialog > #frame { width: 84; }
    StepDialog #said, StepDialog #rates, StepDialog #pulls { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    StepDialog #said, StepDialog #pulls { color: $muted; }
    StepDialog #rates { margin-top: 1; }
    StepDialog #pulls { margin-top: 1; }
    StepDialog.-short #rates, StepDialog.-short #pulls { margin-top: 0; }
    StepDialog #rate { display: none; }
    StepDialog.-typing #rate { display: block; }
    """

    HINTS = HINTS

    def __init__(
        self, read: Callable[[], RunState], send: Callable[[AnyCommand], str], waits: Callable[[str], bool]
    ) -> None:
        super().__init__("Try the coming batch")
        self._read, self._send, self._waits = read, send, waits
        self._sent = ""
        """Id of the command whose answer is awaited; empty where none is."""
        self._stepping = ""
        """Id of a single step after which the batch is tried again."""
        self._found: StepTried | None = None
        self._place = 0
        """Index of the rate that is highlighted."""

    def inside(self) -> list[Widget]:
        """Return the line of words, the rates, the samples, and the entry of another rate."""
        return [
            Static("trying the coming batch", id="said", markup=False),
            Static(id="rates", markup=False),
            Static(id="pulls", markup=False),
            TextEntry(placeholder="another rate, such as 0.02", id="rate"),
        ]

    def on_mount(self) -> None:
        """Try the batch at rates around the one in force."""
        super().on_mount()
        self.set_interval(POLL, self._look)
        self._try()

    def on_resize(self) -> None:
        """Show fewer samples in a short terminal."""
        super().on_resize()
        if self._found is not None:
            self._draw()

    def _try(self, *rates: float) -> None:
        self._sent = self._send(TryStep(rates=rates))

    def _look(self) -> None:
        if self._stepping and not self._waits(self._stepping):
            self._stepping = ""
            self._try()
        if not self._sent or self._waits(self._sent):
            return
        state, answered, self._sent = self._read(), self._sent, ""
        found = state.step_tried
        if found is None or found.cause is None or found.cause.id != answered:
            refusals = [line.text for line in state.log if line.text.startswith("refused: ")]
            self.show_error(refusals[-1].removeprefix("refused: ") if refusals else "the run refused")
            return
        self.show_error("")
        self._found = found
        rates = [trial.rate for trial in found.rates]
        self._place = rates.index(found.lr) if found.lr in rates else 0
        self._draw()

    def _draw(self) -> None:
        found = self._found
        assert found is not None
        batch = f"step {found.step + 1:,}: {found.samples} samples, loss {number(found.loss)}"
        self._show("said", f"{batch}, gradient norm {number(found.grad_norm, 3)}; every step taken back")
        lines = [f"  {'rate':<10} {'predicted':>10} {'measured':>10} {'|update|/|weights|':>19}"]
        for place, trial in enumerate(found.rates):
            mark = "▸" if place == self._place else " "
            now = "  now" if trial.rate == found.lr else ""
            changes = f"{signed(trial.predicted):>10} {signed(trial.measured):>10} {number(trial.update, 3):>19}"
            lines.append(f"{mark} {number(trial.rate, 3):<10} {changes}{now}")
        self._show("rates", "\n".join(lines))
        height = self.size.height
        shown = found.pulls[: 0 if height < SHORT else FEW if height < 22 else len(found.pulls)]
        if not shown:
            none = found.note or "no samples: a function is minimised"
            self._show("pulls", none if not found.pulls else "")
            return
        names = [visible(name_of(pull)) for pull in shown]
        width = max(map(len, names))
        head = f"hardest pull, the norm of a sample's own gradient (median {number(found.median_pull, 3)}):"
        pulls = [
            f"  {padded(name, width)}  {number(pull.norm, 3):>8}  loss {number(pull.loss, 3)}"
            for name, pull in zip(names, shown, strict=True)
        ]
        self._show("pulls", "\n".join([head, *pulls, *([found.note] if found.note else [])]))

    def _show(self, name: str, text: str) -> None:
        self.query_one(f"#{name}", Static).update(Content(text))

    # -- the keys ---------------------------------------------------------------------------------------------------

    def action_accept(self) -> None:
        """Set the highlighted rate, unless it is in force."""
        found = self._found
        if found is None or self._sent:
            return
        rate = found.rates[self._place].rate
        if rate == found.lr:
            self.show_error("this rate is in force; choose another one, or esc")
        else:
            self.answer(SetLearningRate(value=rate))

    def on_key(self, event: Key) -> None:
        """Move between the rates, try again, take a step, or ask the model."""
        if self.has_class("-typing") or self._found is None:
            return
        keys: dict[str, Callable[[], None]] = {
            "up": lambda: self._move(-1),
            "down": lambda: self._move(1),
            "r": self._type_rate,
            "t": self._again,
            "full_stop": self._step,
            "a": lambda: self.answer(ShowAnswers()),
        }
        if (act := keys.get(event.key)) is not None:
            event.stop()
            act()

    def _move(self, by: int) -> None:
        assert self._found is not None
        self._place = min(max(self._place + by, 0), len(self._found.rates) - 1)
        self._draw()

    def _again(self) -> None:
        if not self._sent:
            self._try()

    def _step(self) -> None:
        if not (self._sent or self._stepping):
            self._stepping = self._send(StepOnce())

    def _type_rate(self) -> None:
        self.add_class("-typing")
        self.query_one("#keys", KeyHints).show("enter try it · esc back")
        self.call_after_refresh(self.query_one("#rate", TextEntry).focus)

    def _end_typing(self) -> None:
        self.remove_class("-typing")
        self.query_one("#keys", KeyHints).show(HINTS)
        self.set_focus(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try the rate that was typed, between the one in force and others around it."""
        event.stop()
        found = self._found
        try:
            command = parse_rate(event.value)
        except ValueError as error:
            self.show_error(str(error))
            return
        rate = command.value if command.value is not None else (command.factor or 1.0) * (found.lr if found else 0.0)
        self._end_typing()
        if found is not None and not self._sent:
            self._try(*sorted({*(trial.rate for trial in found.rates), rate})[-9:])

    def action_leave(self) -> None:
        """Leave the entry of a rate, or the dialog."""
        if self.has_class("-typing"):
            self._end_typing()
        else:
            self.answer(None)
