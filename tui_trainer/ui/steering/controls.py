"""The table of controls of the steer panel: each with its letter, its present value, and the reason why not now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tui_trainer.state.run_state import RunState
from tui_trainer.text import number, visible
from tui_trainer.ui.actions import BY_ID
from tui_trainer.ui.availability import ActionContext, disabled_reason

REPEATED = 4
"""Controls that are unavailable for one reason, from which on it is said once for all of them."""


@dataclass(frozen=True, slots=True)
class Control:
    """One row of the panel.

    Attributes:
        id: the answer of the panel; the id of an action, unless the loop declares controls of its own.
        section: the rows of one section stand together under its name.
        value: returns the present value, or the effect.
        letter: key that chooses it; that of the action where empty.
        label: a few words; those of the action where empty.
        reason: returns why it is unavailable, None where it is not; that of the action where None.
    """

    id: str
    section: str
    value: Callable[[RunState, bool], str]
    letter: str = ""
    label: str = ""
    reason: Callable[[ActionContext], str | None] | None = None


@dataclass(frozen=True, slots=True)
class PanelRow:
    """One row of the panel as it is shown now.

    Attributes:
        id: the answer of the panel.
        section: name of the section; empty but for its first row.
        letter: key that chooses the control.
        label: a few words.
        value: the present value, or the effect.
        reason: the reason why it is unavailable; empty where it is not.
    """

    id: str
    section: str
    letter: str
    label: str
    value: str
    reason: str


def _status(state: RunState, _all: bool) -> str:
    return f"{state.status}, step {state.step:,}"


def _rate(factor: float) -> Callable[[RunState, bool], str]:
    return lambda state, _all: number(state.lr * factor, 3) if state.started is not None else "-"


def _stop(state: RunState, _all: bool) -> str:
    return "" if state.over else f"after epoch {state.epoch + 1}, this batch, or now"


def _schedule(state: RunState, _all: bool) -> str:
    return state.plan.scheduler.label() if state.plan is not None else "-"


def _optimizer(state: RunState, _all: bool) -> str:
    optimizer = state.optimizer
    if optimizer is None:
        return "-"
    default = type(optimizer).model_fields["lr"].default
    return optimizer.model_copy(update={"lr": default}).label()


def _clip(state: RunState, _all: bool) -> str:
    if state.started is None:
        return "-"
    value = number(state.clip_grad_norm, 3) if state.clip_grad_norm else "off"
    own = state.script_clip
    if own == state.clip_grad_norm:
        return f"{value}  (by the script)" if own else value
    return f"{value}  (the script gives {number(own, 3)})" if own else value


def _patience(state: RunState, _all: bool) -> str:
    if state.started is None:
        return "-"
    if not state.early_stopping:
        return "off"
    return f"{state.bad_epochs} of {state.patience} epochs without a better {visible(state.monitor)}"


def _epochs(state: RunState, _all: bool) -> str:
    return f"{state.epoch} of {state.epochs} done" if state.started is not None else "-"


def _saves(state: RunState, _all: bool) -> str:
    names = [visible(name) for name in state.checkpoints]
    return "saved: " + ", ".join(names[-3:]) if names else "nothing saved yet"


def _best(state: RunState, _all: bool) -> str:
    best = state.best
    return f"best: epoch {best.epoch}, {visible(best.metric)} {number(best.value, 3)}" if best is not None else "-"


def _validated(state: RunState, _all: bool) -> str:
    names = [name for name in state.metrics if name.startswith("val_")]
    return f"last: {visible(names[0])} {number(state.metrics[names[0]], 3)}" if names else "not validated yet"


def _last_change(state: RunState, _all: bool) -> str:
    texts = [mark.text for mark in state.marks if mark.id and mark.letter not in "nc"]
    return visible(texts[-1]) if texts else "no intervention yet"


def _guards(state: RunState, _all: bool) -> str:
    armed = sum(guard.on for guard in state.guards)
    fired = sum(guard.fired for guard in state.guards)
    return f"{armed} armed" + (f", fired {fired}" if fired else "") if state.guards else "none set"


def _answers(state: RunState, _all: bool) -> str:
    taken = state.pictures.get("answers")
    return f"last: step {taken.step:,}" if taken is not None else "not asked yet"


def _race(state: RunState, _all: bool) -> str:
    race = state.race
    if race is None or not race.lanes:
        return "try settings side by side, take one"
    return f"{len(race.lanes)} settings from step {race.step:,}" + (": choose one, or none" if race.waits else "")


def _paused_only(context: ActionContext) -> str | None:
    """Return why a batch cannot be tried: while the run trains, the coming one changes."""
    if (reason := disabled_reason(BY_ID["try_step"], context)) is not None:
        return reason
    return None if context.state is not None and context.state.status == "paused" else "pause first: space"


def _notes(state: RunState, _all: bool) -> str:
    count = sum(mark.letter == "n" for mark in state.marks)
    return f"{count} so far" if count else ""


def _said(text: str) -> Callable[[RunState, bool], str]:
    return lambda _state, _all: text


CONTROLS: tuple[Control, ...] = (
    Control("pause", "training", _status),
    Control("step", "training", _said("then wait")),
    Control("stop_early", "training", _stop),
    Control("stop", "training", _said("after this batch")),
    Control("rate", "rate", _rate(1)),
    Control("double_rate", "rate", _rate(2)),
    Control("halve_rate", "rate", _rate(0.5)),
    Control("drop_rate", "rate", _rate(0.1)),
    Control("find_rate", "rate", _said("try rates, take the steps back")),
    Control("schedule", "rate", _schedule),
    Control("optimizer", "method", _optimizer),
    Control("clip", "method", _clip),
    Control("race", "method", _race),
    Control("try_step", "method", _said("predicted and measured, hardest samples"), reason=_paused_only),
    Control("patience", "length", _patience),
    Control("epochs", "length", _epochs),
    Control("checkpoint", "weights", _saves),
    Control("roll_back", "weights", _best),
    Control("validate", "weights", _validated),
    Control("ask", "weights", _answers),
    Control("guards", "changes", _guards),
    Control("undo", "changes", _last_change),
    Control("redo", "changes", _said("")),
    Control("note", "changes", _notes),
    Control("steer_all", "runs", lambda _state, all_runs: "all runs" if all_runs else "only this run"),
    Control("anew", "runs", _said("from the start, with changes")),
)
"""The controls of the built-in loop, in the order of the panel."""


def rows(controls: tuple[Control, ...], state: RunState, context: ActionContext, steer_all: bool) -> list[PanelRow]:
    """Return the rows of the panel for the present state of the selected run."""
    listed: list[PanelRow] = []
    section = ""
    for control in controls:
        action = BY_ID.get(control.id)
        if control.reason is not None or action is None:
            reason = control.reason(context) if control.reason is not None else None
        else:
            reason = disabled_reason(action, context)
        letter = control.letter or (action.letter if action is not None else "")
        label = control.label or (action.label if action is not None else control.id)
        title = control.section if control.section != section else ""
        section = control.section
        listed.append(PanelRow(control.id, title, letter, label, control.value(state, steer_all), reason or ""))
    return listed


def common_reason(listed: list[PanelRow]) -> str:
    """Return the reason that several rows share; empty where none does."""
    counts = Counter(row.reason for row in listed if row.reason)
    reason, count = counts.most_common(1)[0] if counts else ("", 0)
    return reason if count >= REPEATED else ""
