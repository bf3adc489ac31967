"""The questions before a stop and a roll-back: what each answer does, and what is on disk afterwards."""

from __future__ import annotations

from tui_trainer.runs.label import short_name
from tui_trainer.state.run_state import RunState
from tui_trainer.text import number, visible
from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible

STAY = Possible("stay", "c", "Keep training")
LAST = "last"
"""The checkpoint that is saved from time to time and at the end."""


def ask_stop(state: RunState, highlighted: str) -> Confirm:
    """Return the question when to stop. Its answers: epoch, batch, now and stay."""
    best = f"; the best (epoch {state.best.epoch}) stay saved" if state.best is not None else ""
    answers = (
        Possible("epoch", "e", "End of this epoch", f"finishes epoch {state.epoch + 1}, ends with the best weights"),
        Possible("batch", "b", "After this batch", "validates first"),
        Possible("now", "n", "Now", "without a validation"),
        STAY,
    )
    question = f"When should {_name(state)} stop? On disk then: the weights of that step{best}."
    return Confirm("Stop", question, answers, highlighted, reason=True)


def ask_hurry(state: RunState) -> Confirm:
    """Return the question while a run stops: skip the rest of the validation, or wait. Answers: now and stay."""
    answers = (
        Possible("stay", "w", "Wait", "the validation ends, then the weights are saved"),
        Possible("now", "n", "Skip the rest of the validation", "on disk: the weights as they are"),
    )
    return Confirm("Stop", _sentence(f"{_name(state)} is stopping: {visible(state.detail) or 'validating'}."), answers)


def ask_discard(state: RunState) -> Confirm:
    """Return the question before a run ends without a save. Answers: discard and stay."""
    saved = state.checkpoints.get(LAST)
    kept = f"on disk stays the save of epoch {saved}" if saved is not None else "nothing of it is on disk"
    answers = (
        Possible("stay", "w", "Wait for the save"),
        Possible("discard", "x", "End without saving", f"{kept}; all steps since are lost"),
    )
    return Confirm("Stop", _sentence(f"{_name(state)} is saving its weights."), answers)


def ask_roll_back(state: RunState) -> Confirm:
    """Return the question to which save to go back. Its answers: stay, and the name of each checkpoint."""
    answers: list[Possible] = []
    if state.best is not None or "best" in state.checkpoints:
        best = state.best
        found = f"epoch {best.epoch}, {visible(best.metric)} {number(best.value)}" if best is not None else ""
        answers.append(Possible("best", "b", "The best weights", found))
    others = [name for name in state.checkpoints if name != "best"]
    for index, name in enumerate(reversed(others[-8:])):
        answers.append(
            Possible(name, str(index + 1), visible(name), f"epoch {state.checkpoints[name]}, step count goes on")
        )
    question = (
        f"Weights and optimizer state of step {state.step:,} are replaced; the step count and the schedule go on. "
        "u takes it back. To which save?"
    )
    return Confirm("Roll back", question, (*answers, STAY), reason=True)


def ask_rate_step(state: RunState, rate: float) -> Confirm:
    """Return the question before `+` or `-` goes beyond a factor of 100 in all. Answers: go and stay."""
    answers = (
        Possible("stay", "c", "Keep the rate", number(state.lr, 3)),
        Possible("go", "y", "Change it", f"to {number(rate, 3)}"),
    )
    question = "This goes beyond a factor of 100 from the rate that was last set another way."
    return Confirm("Learning rate", question, answers)


def ask_end(states: list[RunState], purpose: str, *, keep: bool) -> Confirm:
    """Return the question before runs that train end for something else. Answers: stop, stay, and perhaps keep.

    Args:
        states: the runs of the screen.
        purpose: what begins instead.
        keep: whether the runs can go on without this screen.
    """
    training = [state for state in states if not state.over]
    if len(training) == 1:
        state = training[0]
        accuracy = next((name for name in state.metrics if name.startswith("val_")), None)
        value = f", {visible(accuracy)} {number(state.metrics[accuracy], 3)}" if accuracy is not None else ""
        question = _sentence(f"{_name(state)} is in epoch {state.epoch + 1} of {state.epochs}{value}.")
    else:
        question = f"{len(training)} runs are training."
    them = "it" if len(training) == 1 else "them"
    answers = [Possible("stop", "s", f"Stop {them}, then {purpose}", "validates and saves first")]
    if keep:
        answers.append(Possible("keep", "l", f"Let {them} train, and {purpose}", "rejoin with: tui-trainer attach"))
    return Confirm(_sentence(purpose), question, (Possible("stay", "c", "Stay here"), *answers))


def _name(state: RunState) -> str:
    return f"run {visible(short_name(state.run.rsplit('/', 1)[-1]))}" if state.run else "the run"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
