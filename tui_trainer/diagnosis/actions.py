"""The actions that findings propose: each names an action of the screen, and the value that its form opens with."""

from __future__ import annotations

from tui_trainer.protocol.events import FindingAction


def _action(**texts: str) -> FindingAction:
    """Return an action of checked texts, without the schema: this module is imported before the first picture."""
    return FindingAction.model_construct(None, **texts)


TENTH = _action(label="divide the rate by 10", action="rate", value="/10")
HALF = _action(label="halve the rate", action="rate", value="/2")
THRICE = _action(label="multiply the rate by 3", action="rate", value="x3")
TENFOLD = _action(label="multiply the rate by 10", action="rate", value="x10")
STAIRCASE = _action(label="use the staircase schedule from here on", action="schedule", value="staircase")
BEST = _action(label="go back to the best epoch", action="roll_back")
STOP = _action(label="stop and keep the best epoch", action="stop_early")
LAYERS = _action(label="look at the layers", action="layers")
ADAM = _action(label="change to Adam, which scales each layer by itself", action="optimizer", value="adam")
RMSPROP = _action(label="change to RMSprop, which forgets old gradients", action="optimizer", value="rmsprop")
LONGER = _action(label="train longer", action="epochs")
PATIENCE = _action(label="wait longer for an improvement", action="patience")


def again(label: str, value: str) -> FindingAction:
    """Return the action that trains again with another setting, `value` as KEY=VALUE."""
    return _action(label=f"train again {label}", action="anew", value=value)


def elsewhere(label: str, reason: str) -> FindingAction:
    """Return something to do that no action of the screen does."""
    return _action(label=label, reason=reason)


KAIMING = again("with another start (model.init)", "model.init=kaiming-uniform")
LEAKY = again("with leaky ReLUs, which do not die", "model.activation=leaky-relu")
RELU = again("with ReLUs (model.activation)", "model.activation=relu")
