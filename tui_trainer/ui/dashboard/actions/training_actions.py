"""Actions that change the training: each sends a command, some after a form or a question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tui_trainer.components.base import choices
from tui_trainer.components.optimizers.first_order import AnyOptimizer, Optimizer
from tui_trainer.components.optimizers.settings import changed_settings
from tui_trainer.components.schedulers.base import Scheduler
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.commands import ALL_RUNS
from tui_trainer.protocol.describe import number
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.forms.parse_number import parse_clip, parse_epochs, parse_rate, watched_metric
from tui_trainer.ui.guarding.actions import GuardActions
from tui_trainer.ui.panels.progress import shown_variant
from tui_trainer.ui.racing.actions import open_race, open_step
from tui_trainer.ui.steering import review
from tui_trainer.ui.steering.rate_guard import RateGuard

# Each dialog is imported when it is opened: the first frame does not wait for any of them.

SCHEDULERS = {
    kind: cls for kind, cls in choices(AnyScheduler).items() if issubclass(cls, Scheduler) and kind != "import"
}
"""All but the imported one: its code is trusted when the run starts."""
OPTIMIZERS = {
    kind: cls for kind, cls in choices(AnyOptimizer).items() if issubclass(cls, Optimizer) and kind != "import"
}


class TrainingActions:
    """Handlers of the actions that steer the selected run, or all runs."""

    def __init__(self, context: DashboardContext) -> None:
        self._context = context
        self._guard = RateGuard()
        self._guards = GuardActions(context)
        self._hurried: dict[str, bool] = {}
        """The runs that this screen has asked to stop without a validation."""

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        send = self._context.send
        return {
            "steer": self.panel,
            "pause": self.pause,
            "step": lambda: send(cmd.StepOnce(), "one step"),
            "schedule": self.schedule,
            "rate": self.rate,
            "double_rate": lambda: self.scale_rate(2.0, "rate x2"),
            "halve_rate": lambda: self.scale_rate(0.5, "rate ÷2"),
            "drop_rate": lambda: send(cmd.SetLearningRate(factor=0.1), "rate ÷10"),
            "find_rate": self.find_rate,
            "guards": self._guards.open,
            "race": lambda: open_race(self._context),
            "try_step": lambda: open_step(self._context),
            "optimizer": self.optimizer,
            "clip": self.clip,
            "stop_early": lambda: self.stop("epoch"),
            "stop": lambda: self.stop("batch"),
            "patience": self.patience,
            "epochs": self.epochs,
            "checkpoint": lambda: send(cmd.SaveCheckpoint(), "save"),
            "roll_back": self.roll_back,
            "undo": lambda: send(cmd.Undo(), "undo"),
            "redo": lambda: send(cmd.Redo(), "redo"),
            "validate": lambda: send(cmd.Evaluate(), "validate"),
            "note": self.note,
            "wheel": self.wheel,
        }

    def forms(self) -> dict[str, Callable[[str], None]]:
        """Return the functions that open the form of an action with a value in place of the one in force."""
        return {
            "rate": self.rate,
            "clip": self.clip,
            "epochs": self.epochs,
            "schedule": self.schedule,
            "optimizer": self.optimizer,
        }

    def _ask(self, dialog: Any, command: Callable[[Any], cmd.AnyCommand], description: str) -> None:
        """Push a form and send the command that its answer makes, with the reason that was given."""

        def accepted(answer: Any) -> None:
            made = command(answer)
            self._context.send(
                made.model_copy(update={"because": dialog.because}) if dialog.because else made, description
            )

        def cancelled() -> None:
            if dialog.unchanged:
                self._context.flash("nothing changed")

        self._context.ask(dialog, accepted, cancelled)

    def panel(self) -> None:
        """Open the steer panel and perform what is chosen there."""
        from tui_trainer.ui.dashboard.actions.script_actions import ScriptActions
        from tui_trainer.ui.screens.steer import SteerPanel
        from tui_trainer.ui.steering.controls import CONTROLS, PanelRow, rows
        from tui_trainer.ui.steering.script_controls import script_rows

        state = self._context.view_state

        def read() -> list[PanelRow]:
            run = self._context.selected_run
            own = script_rows(run, state.action_context)
            return [*rows(CONTROLS, run, state.action_context, state.steer_all), *own]

        def chosen(identity: str) -> None:
            if not ScriptActions(self._context).perform(identity):
                self._context.perform(identity)

        name = "all runs" if state.steer_all else shown_variant(self._context.selected_run)
        self._context.ask(SteerPanel(f"Steer {name}".rstrip(), read), chosen)

    def pause(self) -> None:
        """Pause, or resume where the run is paused."""
        if self._context.selected_run.status == "paused":
            self._context.send(cmd.Resume(), "resume")
        else:
            self._context.send(cmd.Pause(), "pause")

    def wheel(self) -> None:
        """Take the wheel, or give it back where this screen has it."""
        store = self._context.view_state.store
        if store.has_wheel(self._context.selected_run):
            self._context.send(cmd.GiveWheel(), "give the wheel", cmd.ALL_RUNS)
        else:
            self._context.send(cmd.TakeWheel(), "take the wheel", cmd.ALL_RUNS)

    def scale_rate(self, factor: float, description: str) -> None:
        """Double or halve the rate; ask before the factor in all grows beyond 100."""
        from tui_trainer.ui.steering.questions import ask_rate_step

        context, state = self._context, self._context.selected_run
        pending = context.view_state.store.pending

        def send() -> None:
            context.send(cmd.SetLearningRate(factor=factor), description)
            self._guard.sent(next(reversed(pending)), factor)

        def answered(answer: str) -> None:
            if answer == "go":
                self._guard.allow(state, pending)
                send()

        steered = context.view_state.states if context.view_state.target == ALL_RUNS else [state]
        if any(self._guard.asks(each, pending, factor) for each in steered):
            context.ask(ask_rate_step(state, state.lr * factor), answered)
        else:
            send()

    def rate(self, value: str = "") -> None:
        """Ask for the learning rate and set it."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        state = self._context.selected_run

        def plan(command: cmd.SetLearningRate) -> LrPlan | None:
            if state.plan is None:
                return None
            watched = watched_metric(state)
            if command.value is not None:
                return state.plan.with_rate(command.value, state.step, watched)
            return state.plan.with_factor(command.factor or 1.0, state.step, watched)

        dialog = Prompt(
            "Learning rate",
            f"now {number(state.lr)}; enter a rate, or x2, /10",
            number(state.lr),
            parse_rate,
            plan,
            self._context.learning_rate_chart,
            lambda command: review.review_rate(state, command),
            proposed=value,
        )
        self._ask(dialog, lambda command: command, "rate")

    def find_rate(self) -> None:
        """Search for a learning rate of the selected run, and set the one that is marked."""
        from tui_trainer.ui.screens.dialogs.find_rate import FindRateDialog

        context = self._context
        run, pending = context.selected_run.run, context.view_state.store.pending
        sent: list[str] = []

        def send(command: cmd.FindRate) -> None:
            context.send(command, "find the rate", run)
            sent[:] = [next(reversed(pending))]

        dialog = FindRateDialog(
            lambda: context.view_state.store.states[run].rate_found, send, lambda: bool(sent) and sent[0] in pending
        )
        context.ask(dialog, lambda rate: context.send(cmd.SetLearningRate(value=rate), "rate", run))

    def clip(self, value: str = "") -> None:
        """Ask for the largest gradient norm and set it."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        state = self._context.selected_run
        dialog = Prompt(
            "Gradient clipping",
            "largest global gradient norm; 0 for no clipping",
            number(state.clip_grad_norm),
            parse_clip,
            review=lambda command: review.review_clip(state, command),
            proposed=value,
        )
        self._ask(dialog, lambda command: command, "clip")

    def epochs(self, value: str = "") -> None:
        """Ask for the number of epochs and set it."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        state = self._context.selected_run

        def plan(command: cmd.SetEpochs) -> LrPlan | None:
            epochs = command.value if command.value is not None else state.epochs + (command.add or 0)
            end = max(state.step_of_epoch(epochs), state.step + 1)
            return state.plan.with_end(end, state.step) if state.plan is not None else None

        dialog = Prompt(
            "Epochs",
            f"{state.epoch} of {state.epochs} are done. Enter the total; or +10, -5",
            str(state.epochs),
            parse_epochs,
            plan,
            self._context.learning_rate_chart,
            lambda command: review.review_epochs(state, command),
            proposed=value,
        )
        self._ask(dialog, lambda command: command, "epochs")

    def patience(self) -> None:
        """Ask for the settings of early stopping and send those that changed."""
        from tui_trainer.ui.screens.dialogs.patience import AskPatience, Patience

        state = self._context.selected_run
        current = Patience(enabled=state.early_stopping, patience=max(state.patience, 1), min_delta=state.min_delta)

        def changes(answer: Patience) -> cmd.AnyCommand:
            changed = {name: value for name, value in answer if value != getattr(current, name)}
            return cmd.SetPatience.model_validate(changed)

        self._ask(AskPatience(current, state.monitor), changes, "patience")

    def note(self) -> None:
        """Ask for a note and add it to the charts."""
        from tui_trainer.ui.screens.dialogs.note import WriteNote

        self._context.ask(WriteNote(), lambda text: self._context.send(cmd.Note(text=text), "note"))

    def schedule(self, kind: str = "") -> None:
        """Choose another schedule, of the given kind to begin with."""
        from tui_trainer.ui.screens.dialogs.choose_schedule import ChooseSchedule

        state = self._context.selected_run
        dialog = ChooseSchedule(
            SCHEDULERS,
            state.plan.scheduler if state.plan is not None else None,
            state,
            self._context.learning_rate_chart,
            kind,
        )
        self._ask(
            dialog,
            lambda scheduler: cmd.SetScheduler.model_validate({"scheduler": scheduler, "base": dialog.base}),
            "schedule",
        )

    def optimizer(self, kind: str = "") -> None:
        """Change the optimizer, or its settings; the form starts from what is in force."""
        from tui_trainer.ui.screens.dialogs.choose_component import ChooseComponent

        state = self._context.selected_run
        shown = float(number(state.lr))
        """The rate in force in the digits of the form: left alone, it stays exactly what it is."""

        def exact(optimizer: Optimizer) -> Optimizer:
            return optimizer.model_copy(update={"lr": state.lr}) if optimizer.lr == shown and state.lr else optimizer

        def plan(optimizer: Optimizer) -> LrPlan | None:
            if state.plan is None:
                return None
            rate = exact(optimizer).lr
            if rate == state.lr:
                return state.plan
            return state.plan.with_new_peak(rate, state.step, watched_metric(state))

        def start(other: type[Optimizer]) -> Optimizer | None:
            return review.carried_over(other, state.optimizer, shown)

        present = state.optimizer.model_copy(update={"lr": shown}) if state.optimizer is not None and shown else None
        own = {state.optimizer.kind: type(state.optimizer)} if state.optimizer is not None else {}
        dialog = ChooseComponent(
            "Optimizer",
            OPTIMIZERS | own,
            present or state.optimizer,
            plan,
            self._context.learning_rate_chart,
            lambda chosen: review.review_optimizer(state, exact(chosen)),
            start,
            kind,
        )

        def command(chosen: Optimizer) -> cmd.AnyCommand:
            wanted = cast("AnyOptimizer", exact(chosen))
            in_force = state.optimizer.model_copy(update={"lr": state.lr}) if state.optimizer is not None else None
            named = [name for name in changed_settings(wanted, in_force) if name != "lr" or wanted.lr != state.lr]
            return cmd.SetOptimizer.model_validate({"optimizer": wanted, "named": named})

        self._ask(dialog, command, "optimizer")

    def roll_back(self) -> None:
        """Ask to which save to go back."""
        from tui_trainer.ui.steering.questions import ask_roll_back

        dialog = ask_roll_back(self._context.selected_run)

        def accepted(answer: str) -> None:
            if answer != "stay":
                command = cmd.RollBack(to=answer, because=dialog.because)
                self._context.send(command, f"roll back to {answer}")

        self._context.ask(dialog, accepted)

    def stop(self, highlighted: str) -> None:
        """Ask when to stop; of a run that stops, whether to skip the validation; then whether to skip the save."""
        from tui_trainer.ui.steering import questions

        context, state = self._context, self._context.selected_run
        if state.status != "stopping" or "at the end of epoch" in state.detail:
            self._hurried.pop(state.run, None)
            dialog = questions.ask_stop(state, highlighted)
        elif self._hurried.get(state.run):
            dialog = questions.ask_discard(state)
        else:
            dialog = questions.ask_hurry(state)

        def send(**fields: Any) -> None:
            context.send(cmd.Stop.model_validate({**fields, "because": dialog.because}), "stop")

        def accepted(answer: str) -> None:
            match answer:
                case "epoch":
                    send(when="epoch", restore_best=True)
                case "batch":
                    send()
                case "now":
                    self._hurried[state.run] = True
                    send(when="now")
                case "discard":
                    send(when="now", save=False)
                case _:
                    pass

        context.ask(dialog, accepted)
