"""Actions that change the training: each sends a command, some after a dialog."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.components.base import choices
from tui_trainer.components.optimizers.first_order import AnyOptimizer, Optimizer
from tui_trainer.components.optimizers.settings import changed_settings
from tui_trainer.components.schedulers.base import Scheduler
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.describe import number
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.forms.parse_number import parse_clip, parse_epochs, parse_rate, watched_metric

# Each dialog is imported when it is opened: the first frame does not wait for any of them.

SCHEDULERS = {
    kind: cls for kind, cls in choices(AnyScheduler).items() if issubclass(cls, Scheduler) and kind != "import"
}
"""All but the imported one: its code is trusted when the run starts."""
OPTIMIZERS = {kind: cls for kind, cls in choices(AnyOptimizer).items() if issubclass(cls, Optimizer)}


class TrainingActions:
    """Handlers of the actions that steer the selected run, or all runs."""

    def __init__(self, context: DashboardContext) -> None:
        self._context = context

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        send = self._context.send
        return {
            "pause": self.pause,
            "step": lambda: send(cmd.StepOnce(), "one step"),
            "schedule": self.schedule,
            "rate": self.rate,
            "double_rate": lambda: send(cmd.SetLearningRate(factor=2.0), "rate x2"),
            "halve_rate": lambda: send(cmd.SetLearningRate(factor=0.5), "rate ÷2"),
            "drop_rate": lambda: send(cmd.SetLearningRate(factor=0.1), "rate ÷10"),
            "optimizer": self.optimizer,
            "clip": self.clip,
            "stop_early": lambda: send(cmd.Stop(when="epoch", restore_best=True), "stop early"),
            "stop": lambda: send(cmd.Stop(), "stop"),
            "patience": self.patience,
            "epochs": self.epochs,
            "checkpoint": lambda: send(cmd.SaveCheckpoint(), "save"),
            "roll_back": lambda: send(cmd.RollBack(), "roll back to the best"),
            "undo": lambda: send(cmd.Undo(), "undo"),
            "validate": lambda: send(cmd.Evaluate(), "validate"),
            "note": self.note,
        }

    def pause(self) -> None:
        """Pause, or resume where the run is paused."""
        if self._context.selected_run.status == "paused":
            self._context.send(cmd.Resume(), "resume")
        else:
            self._context.send(cmd.Pause(), "pause")

    def rate(self) -> None:
        """Ask for the learning rate and set it."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        state = self._context.selected_run

        def plan(value: cmd.SetLearningRate) -> LrPlan | None:
            if state.plan is None:
                return None
            watched = watched_metric(state)
            if value.value is not None:
                return state.plan.with_rate(value.value, state.step, watched)
            return state.plan.with_factor(value.factor or 1.0, state.step, watched)

        self._context.ask(
            Prompt(
                "Learning rate",
                f"now {number(state.lr)}; the schedule continues from the new rate (or x2, /10)",
                number(state.lr),
                parse_rate,
                plan,
                self._context.learning_rate_chart,
            ),
            lambda command: self._context.send(command, "rate"),
        )

    def clip(self) -> None:
        """Ask for the largest gradient norm and set it."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        current = self._context.selected_run.clip_grad_norm
        self._context.ask(
            Prompt("Gradient clipping", "largest global gradient norm; 0 for no clipping", number(current), parse_clip),
            lambda command: self._context.send(command, "clip"),
        )

    def epochs(self) -> None:
        """Ask for the number of epochs and set it."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        state = self._context.selected_run

        def plan(value: cmd.SetEpochs) -> LrPlan | None:
            epochs = value.value if value.value is not None else state.epochs + (value.add or 0)
            end = max(epochs * state.steps_per_epoch, state.step + 1)
            return state.plan.with_end(end, state.step) if state.plan is not None else None

        self._context.ask(
            Prompt(
                "Epochs",
                f"{state.epoch} of {state.epochs} are done. Enter the total; or +10, -5",
                str(state.epochs),
                parse_epochs,
                plan,
                self._context.learning_rate_chart,
            ),
            lambda command: self._context.send(command, "epochs"),
        )

    def patience(self) -> None:
        """Ask for the settings of early stopping and send those that changed."""
        from tui_trainer.ui.screens.dialogs.patience import AskPatience, Patience

        state = self._context.selected_run
        current = Patience(enabled=state.early_stopping, patience=max(state.patience, 1), min_delta=state.min_delta)

        def accepted(answer: Patience) -> None:
            changes = {name: value for name, value in answer if value != getattr(current, name)}
            if changes:
                self._context.send(cmd.SetPatience.model_validate(changes), "patience")
            else:
                self._context.flash("nothing changed")

        self._context.ask(AskPatience(current, state.monitor), accepted)

    def note(self) -> None:
        """Ask for a note and add it to the charts."""
        from tui_trainer.ui.screens.dialogs.note import WriteNote

        self._context.ask(WriteNote(), lambda text: self._context.send(cmd.Note(text=text), "note"))

    def schedule(self) -> None:
        """Choose another schedule."""
        from tui_trainer.ui.screens.dialogs.choose_schedule import ChooseSchedule

        state = self._context.selected_run
        dialog = ChooseSchedule(
            SCHEDULERS,
            state.plan.scheduler if state.plan is not None else None,
            state,
            self._context.learning_rate_chart,
        )

        def accepted(scheduler: Scheduler) -> None:
            command = cmd.SetScheduler.model_validate({"scheduler": scheduler, "base": dialog.base})
            self._context.send(command, "schedule")

        self._context.ask(dialog, accepted)

    def optimizer(self) -> None:
        """Choose another optimizer."""
        from tui_trainer.ui.screens.dialogs.choose_component import ChooseComponent

        state = self._context.selected_run

        def plan(optimizer: Optimizer) -> LrPlan | None:
            if state.plan is None:
                return None
            return state.plan.with_new_peak(optimizer.lr, state.step, watched_metric(state))

        self._context.ask(
            ChooseComponent("Optimizer", OPTIMIZERS, state.optimizer, plan, self._context.learning_rate_chart),
            lambda optimizer: self._context.send(
                cmd.SetOptimizer.model_validate(
                    {"optimizer": optimizer, "named": changed_settings(optimizer, state.optimizer)}
                ),
                "optimizer",
            ),
        )
