"""The keys that change the training: each sends a command, or asks what it needs to know and then sends one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_trainer.components.base import choices
from tui_trainer.components.optimizers.first_order import AnyOptimizer, Optimizer
from tui_trainer.components.schedulers.base import Scheduler
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.describe import number
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.forms.parse_number import read_clip, read_epochs, read_rate, watched

# Each dialog is imported when it is opened: the first frame does not wait for any of them.
if TYPE_CHECKING:
    from tui_trainer.ui.dashboard.screen import Dashboard


SCHEDULERS = {
    kind: cls for kind, cls in choices(AnyScheduler).items() if issubclass(cls, Scheduler) and kind != "import"
}
"""All but the imported one: its code is trusted when the run starts."""
OPTIMIZERS = {kind: cls for kind, cls in choices(AnyOptimizer).items() if issubclass(cls, Optimizer)}


class TrainingActions:
    """What a person does to the run that is chosen."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard

    def doings(self) -> dict[str, Callable[[], None]]:
        """What each action does, by its id."""
        return {
            "pause": self.pause,
            "step": lambda: self._send(cmd.StepOnce(), "one step"),
            "schedule": self.schedule,
            "rate": self.rate,
            "double_rate": lambda: self._send(cmd.SetLearningRate(factor=2.0), "rate x2"),
            "halve_rate": lambda: self._send(cmd.SetLearningRate(factor=0.5), "rate ÷2"),
            "drop_rate": lambda: self._send(cmd.SetLearningRate(factor=0.1), "rate ÷10"),
            "optimizer": self.optimizer,
            "clip": self.clip,
            "stop_early": lambda: self._send(cmd.Stop(when="epoch", restore_best=True), "stop early"),
            "stop": lambda: self._send(cmd.Stop(), "stop"),
            "patience": self.patience,
            "epochs": self.epochs,
            "checkpoint": lambda: self._send(cmd.SaveCheckpoint(), "save"),
            "roll_back": lambda: self._send(cmd.RollBack(), "roll back to the best"),
            "undo": lambda: self._send(cmd.Undo(), "undo"),
            "validate": lambda: self._send(cmd.Evaluate(), "validate"),
            "note": self.note,
        }

    def _send(self, command: cmd.AnyCommand, words: str) -> None:
        self._dashboard.send(command, words)

    @property
    def _state(self) -> RunState:
        return self._dashboard.chosen

    def pause(self) -> None:
        """Pause, or go on."""
        if self._state.status == "paused":
            self._send(cmd.Resume(), "resume")
        else:
            self._send(cmd.Pause(), "pause")

    def rate(self) -> None:
        """Ask for the rate in force."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        state = self._state

        def plan(value: cmd.SetLearningRate) -> LrPlan | None:
            rate = value.value if value.value is not None else state.lr * (value.factor or 1.0)
            return state.plan.with_rate(rate, state.step, watched(state)) if state.plan is not None else None

        self._dashboard.ask(
            Prompt(
                "Learning rate",
                f"in force: {number(state.lr)}; the schedule goes on from the new one. A rate, or x2, /10",
                number(state.lr),
                read_rate,
                plan,
                self._dashboard.draw_rate,
            ),
            lambda command: self._send(command, "rate"),
        )

    def clip(self) -> None:
        """Ask for the clip."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        now = self._state.clip_grad_norm
        self._dashboard.ask(
            Prompt("Gradient clip", "largest global gradient norm; 0 for none", number(now), read_clip),
            lambda command: self._send(command, "clip"),
        )

    def epochs(self) -> None:
        """Ask for the length of the run."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        state = self._state

        def plan(value: cmd.SetEpochs) -> LrPlan | None:
            epochs = value.value if value.value is not None else state.epochs + (value.add or 0)
            end = max(epochs * state.steps_per_epoch, state.step + 1)
            return state.plan.with_end(end, state.step) if state.plan is not None else None

        self._dashboard.ask(
            Prompt(
                "Epochs",
                f"{state.epoch} of {state.epochs} have ended. How many in all; or +10, -5",
                str(state.epochs),
                read_epochs,
                plan,
                self._dashboard.draw_rate,
            ),
            lambda command: self._send(command, "epochs"),
        )

    def patience(self) -> None:
        """Ask when to stop early."""
        from tui_trainer.ui.screens.dialogs.patience import AskPatience, Patience

        state = self._state
        now = Patience(enabled=state.early_stopping, patience=max(state.patience, 1), min_delta=state.min_delta)

        def accepted(answer: Patience) -> None:
            changes = {name: value for name, value in answer if value != getattr(now, name)}
            if changes:
                self._send(cmd.SetPatience.model_validate(changes), "patience")
            else:
                self._dashboard.say("nothing changed")

        self._dashboard.ask(AskPatience(now, state.monitor), accepted)

    def note(self) -> None:
        """Ask for a note."""
        from tui_trainer.ui.screens.dialogs.note import WriteNote

        self._dashboard.ask(WriteNote(), lambda text: self._send(cmd.Note(text=text), "note"))

    def schedule(self) -> None:
        """Choose another schedule."""
        from tui_trainer.ui.screens.dialogs.choose_schedule import ChooseSchedule

        state = self._state
        picker = ChooseSchedule(
            SCHEDULERS,
            state.plan.scheduler if state.plan is not None else None,
            state,
            self._dashboard.draw_rate,
        )

        def accepted(chosen: Scheduler) -> None:
            command = cmd.SetScheduler.model_validate({"scheduler": chosen, "base": picker.base})
            self._send(command, "schedule")

        self._dashboard.ask(picker, accepted)

    def optimizer(self) -> None:
        """Choose another optimizer."""
        from tui_trainer.ui.screens.dialogs.choose_component import ChooseComponent

        state = self._state

        def plan(chosen: Optimizer) -> LrPlan | None:
            return state.plan.with_rate(chosen.lr, state.step, watched(state)) if state.plan is not None else None

        self._dashboard.ask(
            ChooseComponent("Optimizer", OPTIMIZERS, state.optimizer, plan, self._dashboard.draw_rate),
            lambda chosen: self._send(cmd.SetOptimizer.model_validate({"optimizer": chosen}), "optimizer"),
        )
