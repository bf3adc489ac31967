"""The actions that findings propose: each names an action of the screen, and the value that its form opens with."""

from __future__ import annotations

from tui_trainer.protocol.events import FindingAction

TENTH = FindingAction(label="divide the rate by 10", action="rate", value="/10")
HALF = FindingAction(label="halve the rate", action="rate", value="/2")
THRICE = FindingAction(label="multiply the rate by 3", action="rate", value="x3")
TENFOLD = FindingAction(label="multiply the rate by 10", action="rate", value="x10")
STAIRCASE = FindingAction(label="use the staircase schedule from here on", action="schedule", value="staircase")
BEST = FindingAction(label="go back to the best epoch", action="roll_back")
STOP = FindingAction(label="stop and keep the best epoch", action="stop_early")
LAYERS = FindingAction(label="look at the layers", action="layers")
ADAM = FindingAction(label="change to Adam, which scales each layer by itself", action="optimizer", value="adam")
RMSPROP = FindingAction(label="change to RMSprop, which forgets old gradients", action="optimizer", value="rmsprop")
LONGER = FindingAction(label="train longer", action="epochs")
PATIENCE = FindingAction(label="wait longer for an improvement", action="patience")


def again(label: str, value: str) -> FindingAction:
    """Return the action that trains again with another setting, `value` as KEY=VALUE."""
    return FindingAction(label=f"train again {label}", action="anew", value=value)


def elsewhere(label: str, reason: str) -> FindingAction:
    """Return something to do that no action of the screen does."""
    return FindingAction(label=label, reason=reason)


KAIMING = again("with another start (model.init)", "model.init=kaiming-uniform")
LEAKY = again("with leaky ReLUs, which do not die", "model.activation=leaky-relu")
RELU = again("with ReLUs (model.activation)", "model.activation=relu")
