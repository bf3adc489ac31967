"""Actions of the steer panel that a training script declared: knobs, its functions, and its own rate."""

from __future__ import annotations

from tui_trainer.components.schedulers.script import ScriptSchedule
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.knobs import Knob
from tui_trainer.text import exact, number, visible
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.forms.parse_number import parse_rate
from tui_trainer.ui.steering.script_controls import (
    ACTION,
    KNOB,
    OWN_RATE,
    RATE_OF,
    knob_command,
    knob_of,
    knob_text,
    optimizer_rate,
)


class ScriptActions:
    """Performs what was chosen among the controls of a script."""

    def __init__(self, context: DashboardContext) -> None:
        self._context = context

    def perform(self, identity: str) -> bool:
        """Perform a row of the panel. Returns False if it is none of these."""
        if identity == OWN_RATE:
            self._context.send(cmd.SetScheduler(scheduler=ScriptSchedule()), "own rate")
        elif identity.startswith(ACTION):
            name = identity.removeprefix(ACTION)
            self._context.send(cmd.RunAction(name=name), name)
        elif identity.startswith(KNOB):
            knob = knob_of(self._context.selected_run, identity.removeprefix(KNOB))
            if knob is not None:
                self._set(knob)
        elif identity.startswith(RATE_OF):
            self._set_rate(identity.removeprefix(RATE_OF))
        else:
            return False
        return True

    def _set_rate(self, name: str) -> None:
        """Ask for the rate of one of several optimizers."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        present = optimizer_rate(self._context.selected_run, name)
        dialog = Prompt(
            f"Learning rate of {visible(name)}",
            f"now {number(present)}; x2 and /10 multiply it",
            exact(present) if present is not None else "",
            lambda text: parse_rate(text).model_copy(update={"optimizer": name}),
        )

        def accepted(command: cmd.SetLearningRate) -> None:
            because = {"because": dialog.because} if dialog.because else {}
            self._context.send(command.model_copy(update=because), f"rate of {name}")

        self._context.ask(dialog, accepted)

    def _set(self, knob: Knob) -> None:
        """Switch a switch, and ask for any other value."""
        if isinstance(knob.value, bool):
            self._context.send(cmd.SetKnob(name=knob.name, value=not knob.value), knob.name)
            return
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        allowed = f"one of {', '.join(knob.choices)}" if knob.choices else knob.bounds() or "a number"
        factor = "; x2 and /10 multiply it" if not knob.choices else ""
        dialog = Prompt(
            knob.name,
            f"now {knob.shown(knob.value)}; {allowed}{factor}",
            knob_text(knob),
            lambda text: knob_command(knob, text),
        )

        def accepted(command: cmd.SetKnob) -> None:
            because = {"because": dialog.because} if dialog.because else {}
            self._context.send(command.model_copy(update=because), knob.name)

        self._context.ask(dialog, accepted)
