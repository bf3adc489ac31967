"""The action that asks the model, and shows the page of its answers."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.protocol.commands import ShowAnswers
from tui_trainer.ui.answers.question import NO_SAMPLES, explanation, has_samples, parse_question
from tui_trainer.ui.dashboard.context import DashboardContext


class AnswerActions:
    """Handler of the control that asks the model."""

    def __init__(self, context: DashboardContext) -> None:
        self._context = context
        self._last = ""
        """The text that was typed last."""

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"ask": self.ask}

    def ask(self) -> None:
        """Ask for samples, a row or a prompt; send the question and open the page of the answers."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        started = self._context.selected_run.started
        task = started.task if started is not None else ""
        if not has_samples(task):
            self._context.flash(NO_SAMPLES, error=True)
            return
        data = started.data if started is not None else ""
        samples = started.validation_samples if started is not None else 0

        def parse(text: str) -> ShowAnswers:
            command = parse_question(text, task, samples)
            self._last = text
            return command

        def accepted(command: ShowAnswers) -> None:
            self._context.send(command, "answers")
            self._context.view_state.page = "answers"
            self._context.relayout()

        dialog = Prompt("Ask the model", explanation(task, data), self._last, parse, reason=False)
        self._context.ask(dialog, accepted)
