"""The action of a drill: name the cause, or ask for a hint. Both are notes in the journal of the run."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.config.teaching.drill import CAUSES, Drill, cause_note, drill_of, hint_note
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Note
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible

HINT = "hint"
LETTERS = "abcdefg"


class DrillActions:
    """Handler of the question of a drill."""

    def __init__(self, context: DashboardContext) -> None:
        self._context = context

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"drill": self.ask}

    def ask(self) -> None:
        """Ask for the cause, or, once it is named, say what comes next."""
        state = self._context.selected_run
        drill = drill_of(state.started.config) if state.started is not None else None
        if drill is None or state.drill is None:
            return
        if state.drill.named:
            hint = (Possible(HINT, "h", "A hint", "show the findings"),) if not state.drill.hints else ()
            question = f"You said: {_words(state.drill.named)}. Now cure it: o lists the keys; o N starts it again."
            dialog = Confirm("Drill", question, (Possible("", "c", "Go on"), *hint))
        else:
            dialog = question_of(drill, hinted=bool(state.drill.hints))
        self._context.ask(dialog, lambda answer: self._answered(state, answer))

    def _answered(self, state: RunState, answer: str) -> None:
        if not answer:
            return
        text = hint_note() if answer == HINT else cause_note(answer)
        said = "a hint: press i for the findings" if answer == HINT else f"named: {_words(answer)}"
        if not state.over:
            self._context.send(Note(text=text), said, run=state.run)
            return
        # A run that is over takes no commands: a new start carries the answer into its journal.
        state.apply(ev.Noted(run=state.run, text=text, step=state.step))
        self._context.flash(f"{said}; start it again with o, then N", seconds=20)
        self._context.redraw()


def question_of(drill: Drill, *, hinted: bool) -> Confirm:
    """Return the question for the cause. Its answers: the causes to choose from, a hint, and the empty id."""
    answers = [
        Possible(cause, letter, _sentence(CAUSES[cause]))
        for letter, cause in zip(LETTERS, sorted(drill.choices), strict=False)
    ]
    if not hinted:
        answers.append(Possible(HINT, "h", "A hint first", "show the findings; costs 10 points"))
    return Confirm("Drill", "What is wrong with this run? The first answer counts.", tuple(answers))


def _words(cause: str) -> str:
    return next((text for name, text in CAUSES.items() if name == cause), cause)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
