"""Advice on a finding: during training as it was recorded, after the end in a new run."""

from __future__ import annotations

from tui_trainer.protocol.events import Diagnosed, FindingAction
from tui_trainer.state.run_state import RunState
from tui_trainer.text import number

UNDOABLE = frozenset("lsogpEb")
"""Letters of the marks that an undo takes back."""
_LOOKS = ("anew", "layers", "")
"""Actions that need no training run."""


def actions_of(finding: Diagnosed, state: RunState) -> list[FindingAction]:
    """Return what can be done about a finding now. An undo takes back as many changes as lie after its cause."""
    if state.over:
        found = (_in_a_new_run(action, finding, state) for action in finding.actions)
    else:
        found = (_undo(action, finding, state) if action.action == "undo" else action for action in finding.actions)
    return [action for action in found if action is not None]


def undos_to(finding: Diagnosed, state: RunState) -> int:
    """Return how many changes must be undone to undo the cause of a finding; 0 if it was undone already."""
    ids = [mark.id for mark in state.marks if mark.letter in UNDOABLE and mark.id]
    if finding.cause_id not in ids:
        return 0
    return len(dict.fromkeys(ids[ids.index(finding.cause_id) :]))


def _undo(action: FindingAction, finding: Diagnosed, state: RunState) -> FindingAction | None:
    count = undos_to(finding, state)
    if count < 2:
        return action if count else None
    label = f"undo the last {count} changes: back to step {finding.cause_step or 0:,}"
    return action.model_copy(update={"label": label, "value": str(count)})


def _in_a_new_run(action: FindingAction, finding: Diagnosed, state: RunState) -> FindingAction | None:
    """Return an action as a setting of a new run; None for one that only helps during training.

    After a cause that the user knows, the settings of the run itself were not the reason.
    """
    if action.action in _LOOKS:
        return action
    if finding.likely_cause:
        return None
    optimizer = state.started.optimizer if state.started is not None else None
    match action.action:
        case "rate" if optimizer is not None and action.value[:1] in ("x", "/") and action.value[1:]:
            factor = float(action.value[1:])
            lr = optimizer.lr * factor if action.value[0] == "x" else optimizer.lr / factor
            return _again(f"with the rate {number(lr, 3)}", f"optimizer.lr={number(lr, 3)}")
        case "schedule" if action.value:
            return _again(f"with the schedule {action.value}", f"scheduler.kind={action.value}")
        case "optimizer" if action.value:
            return _again(f"with {action.value}", f"optimizer.kind={action.value}")
        case "epochs" if action.value:
            return _again(f"for {action.value} epochs", f"training.epochs={action.value}")
        case "stop_early":
            return _again("with early stopping", "early_stopping.enabled=true")
        case "patience":
            return _again("with more patience", f"early_stopping.patience={2 * max(state.patience, 1)}")
        case _:
            return None


def _again(label: str, value: str) -> FindingAction:
    return FindingAction(label=f"train again {label}", action="anew", value=value)
