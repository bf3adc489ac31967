"""Rules about failed training: non-finite numbers, divergence, and signals that do not reach a layer."""

from __future__ import annotations

from statistics import median

from tui_trainer.diagnosis.actions import (
    ADAM,
    BEST,
    HALF,
    KAIMING,
    LAYERS,
    LEAKY,
    RELU,
    TENFOLD,
    TENTH,
    again,
    elsewhere,
)
from tui_trainer.diagnosis.findings import Finding, Holding
from tui_trainer.diagnosis.history import History, LayerSeen
from tui_trainer.protocol.describe import number
from tui_trainer.protocol.events import FindingAction


def nan(history: History, _holding: Holding) -> Finding | None:
    """A batch loss, a gradient or a tensor of model or optimizer is NaN or inf. The learning rate is blamed only if the
    loss grew before, or was finite at the step whose update broke the tensor."""
    broken = history.broken
    if broken is None:
        return None
    where = f", first in layer {broken.layer}" if broken.layer else ""
    last = ", ".join(number(loss) for loss in history.last_losses)
    of_step = broken.what in ("loss", "gradient")
    what = f"the {broken.what}" if of_step else broken.what
    at = "at" if of_step else "by"
    evidence = f"{what} became {broken.kind} {at} step {broken.step}{where}; last finite losses {last or '-'}"
    if broken.data:
        advice = "the training data contain NaN or inf: repair or drop these values; the learning rate is not the cause"
        actions = (
            elsewhere("repair or drop these values", "they are in the data: no setting of the run removes them"),
        )
    elif not of_step:
        advice = (
            "the loss was finite, so it was the update of the weights that broke: resume from the last checkpoint and "
            "divide the learning rate by 10; lbfgs has line_search_fn=strong_wolfe for this"
        )
        actions = (_lower(history),)
    elif history.grew:
        advice = "the loss grew before: resume from the last checkpoint and divide the learning rate by 10"
        actions = (_lower(history),)
    else:
        advice = (
            "the loss did not grow before: check the batch of this step, and logarithms, roots and divisions in the "
            "model; there is no sign that the learning rate is the cause"
        )
        actions = (elsewhere("check the batch of this step", "no sign that a setting of the run is the cause"),)
    numbers = {f"loss {index - len(history.last_losses)}": loss for index, loss in enumerate(history.last_losses)}
    return Finding(
        "NAN",
        evidence,
        advice,
        {"step": broken.step, **numbers},
        actions,
        "alarm",
        curve="train_loss",
    )


def diverge(history: History, _holding: Holding) -> Finding | None:
    """ml > 2 max(l0, ch), or ml > 3 best and ml > 1.5 ch; or a non-finite loss after losses above 2 max(l0, ch).

    A loss that is less than half of that of the epoch before is on its way back.
    """
    loss, level = history.loss, history.level
    best = history.epochs.last.lowest if history.epochs else history.first_loss or level
    blown = loss is not None and (loss > 2 * history.start or (loss > 3 * best and loss > 1.5 * level))
    blown = blown and not (len(history.epochs) > 1 and history.fall(1) > RECOVERING)
    if not blown and history.broken is not None and max(history.last_losses, default=0.0) > 2 * history.start:
        blown, loss = True, max(history.last_losses)
    if not blown:
        return None
    numbers = {"loss": loss, "best": best, "first loss": history.first_loss, "chance": history.level}
    evidence = f"training loss {number(loss)}; best epoch {number(best)}, first batch {number(history.first_loss)}"
    if history.first_loss is not None and history.first_loss > 10 * level:
        advice = "the loss was far above chance before the first step: check the initialisation and input scale first"
        actions: tuple[FindingAction, ...] = (KAIMING,)
    elif len(history.epochs) > 1:
        advice, actions = "roll back to the best epoch and divide the learning rate by 10", (BEST, TENTH)
    else:
        advice = "divide the learning rate by 10; if the loss does not recover, restart with that rate"
        actions = (TENTH,)
    urgent = loss is not None and loss > FAR * history.start
    return Finding("DIVERGE", evidence, advice, numbers, actions, "alarm", curve="train_loss", urgent=urgent)


def explode(history: History, _holding: Holding) -> Finding | None:
    """In epochs 1 to 3: l0 > 10 ch, or the last hidden layer's activations deviate > 30 times as the first's."""
    if not 1 <= len(history.epochs) <= 3 and not (history.broken is not None and not history.epochs):
        return None
    first_loss, level = history.first_loss or 0.0, history.level
    growth = _growth(history)
    reasons: list[str] = []
    if first_loss > 10 * level:
        reasons.append(f"first batch loss {number(first_loss)}, {number(first_loss / level, 3)} times chance")
    if growth is not None and growth > 30:
        reasons.append(f"activations grow by a factor {number(growth, 3)} from the first hidden layer to the last")
    if not reasons:
        return None
    return Finding(
        "EXPLODE",
        "already at the start: " + "; ".join(reasons),
        "wrong initialisation or inputs that are not standardised: restart with another model.init (kaiming for ReLU, "
        "xavier for tanh, gain 1) or with data.standardise; a lower learning rate does not help",
        {"first loss": history.first_loss, "chance": level, "growth": growth},
        (KAIMING, again("with standardised inputs", "data.standardise=true")),
        "alarm",
        bars={layer.name: layer.spread for layer in history.layers if layer.spread is not None},
    )


def no_gradient(history: History, holding: Holding) -> Finding | None:
    """A layer's gradient is exactly 0 in the median measurement, and ml > 0.3 ch; dead ReLUs do not explain it."""
    loss = history.loss
    if loss is None or loss <= 0.3 * history.level or history.solved:
        return None
    silent = [layer.name for layer in history.layers if layer.gradients and median(layer.gradients) == 0]
    if not silent or (_mostly_dead(holding) and all(median(layer.weights) > 0 for layer in history.layers)):
        return None
    return Finding(
        "NOGRAD",
        f"the gradient is exactly 0 in {_named(silent)} at loss {number(loss)}",
        "an activation with zero derivative (sign), weights that are all zero, or dead ReLUs: check the layers and "
        "restart with another model.activation or model.init",
        {"layers without gradient": len(silent), "loss": loss},
        (LAYERS, RELU),
        "alarm",
        bars=_reaches(history),
        threshold=0.0,
    )


def dead(history: History, _holding: Holding) -> Finding | None:
    """More than half of a layer's ReLUs are dead on the validation split, and ml > 0.1 ch; above a quarter, a note."""
    loss = history.loss
    if loss is None or loss <= 0.1 * history.level:
        return None
    worst = max(
        (layer for layer in history.layers if layer.silent is not None),
        key=lambda layer: layer.silent or 0,
        default=None,
    )
    if worst is None or worst.silent is None or worst.silent <= 0.25:
        return None
    most = worst.silent > MOST
    if history.solved and not most:
        return None
    return Finding(
        "DEAD",
        f"{worst.silent:.0%} of the ReLUs in layer {worst.name} are dead: they output 0 for every validation sample",
        "divide the learning rate by 10 to keep the others alive; restart with leaky-relu to recover the dead ones"
        if most
        else "still few; a lower learning rate can keep the number from growing",
        {"silent": worst.silent, "loss": loss},
        (TENTH, LEAKY) if most else (HALF,),
        "alarm" if most else "note",
        None if most else MILD,
        bars={layer.name: layer.silent for layer in history.layers if layer.silent is not None},
        threshold=MOST if most else 0.25,
    )


def vanish(history: History, holding: Holding) -> Finding | None:
    """The smallest |g|/|W| of a layer is below 1e-2 of the largest (3 layers or more), or the deviation of the last
    hidden layer's activations is below 1e-3 of the first one's.

    Dead ReLUs also keep the gradient from every layer before them, so these are only compared with each other.
    """
    if history.solved:
        return None
    layers = _up_to_the_dead(history.layers) if _mostly_dead(holding) else history.layers
    ratios = [_reach(layer) for layer in layers]
    known = [(ratio, layer.name) for ratio, layer in zip(ratios, layers, strict=True) if ratio is not None]
    reasons: list[str] = []
    spread = None
    if len(known) >= 3 and max(known)[0] > 0:
        spread = min(known)[0] / max(known)[0]
        # A gradient of exactly 0 belongs to the rule NOGRAD.
        if 0 < spread < 1e-2:
            low, high = min(known)[1], max(known)[1]
            reasons.append(f"|gradient|/|weights| of layer {low} is {number(spread, 2)} times that of layer {high}")
    growth = _growth(history)
    if growth is not None and growth < 1e-3 and not (growth == 0 and _mostly_dead(holding)):
        reasons.append(
            f"the deviation of the activations in the last hidden layer is {number(growth, 2)} times that in the first"
        )
    if not reasons:
        return None
    return Finding(
        "VANISH",
        "; ".join(reasons),
        "try another activation or initialisation; an adaptive optimizer (Adam) helps if the gradients only differ "
        "between layers",
        {"smallest / largest": spread, "last / first deviation": growth},
        (ADAM, RELU),
        "alarm",
        bars=_reaches(history),
        threshold=1e-2,
    )


def stuck(history: History, _holding: Holding) -> Finding | None:
    """3 epochs or more, and ml > 0.93 H0, the loss of predicting the class frequencies; not for a script's own loss."""
    loss = history.loss
    if loss is None or history.task == "script" or len(history.epochs) < 3 or loss <= 0.93 * history.guess:
        return None
    return Finding(
        "STUCK",
        f"training loss {number(loss)} after {len(history.epochs)} epochs; predicting {_frequencies(history)} has loss "
        f"{number(history.guess)}",
        "check whether gradients reach every layer: if not, change the initialisation; if they do, multiply the "
        "learning rate by 10",
        {"loss": loss, "guessing": history.guess},
        (LAYERS, TENFOLD),
        "alarm",
        curve="train_loss",
    )


def _up_to_the_dead(layers: tuple[LayerSeen, ...]) -> tuple[LayerSeen, ...]:
    first = next((index for index, layer in enumerate(layers) if (layer.silent or 0) > MOST), len(layers))
    return layers[: first + 1]


def _mostly_dead(holding: Holding) -> bool:
    return "DEAD" in holding and holding["DEAD"].severity == "alarm"


def _lower(history: History) -> FindingAction:
    """Return the action that trains again with a tenth of the rate."""
    value = number(history.lr / 10, 3) if history.lr > 0 else ""
    return again("with a tenth of the rate", f"optimizer.lr={value}")


MOST = 0.5
"""Share of dead units in a layer from which they are more than a note."""
RECOVERING = 0.5
"""Share of its loss that a run loses in an epoch while it recovers."""
FAR = 100
"""Multiple of the loss at the start from which a loss has blown up beyond doubt."""
MILD = 13
"""Position in the order of findings for one that is only a note."""


def _frequencies(history: History) -> str:
    return "the mean" if history.task == "regression" else "the class frequencies"


def _growth(history: History) -> float | None:
    """Return the deviation of the last hidden layer's activations divided by that of the first."""
    spreads = [layer.spread for layer in history.layers if layer.spread is not None]
    return spreads[-1] / spreads[0] if len(spreads) >= 2 and spreads[0] > 0 else None


def _reach(layer: LayerSeen) -> float | None:
    if not layer.gradients or not median(layer.weights) > 0:
        return None
    return median(layer.gradients) / median(layer.weights)


def _reaches(history: History) -> dict[str, float | None]:
    """Return |gradient| / |weights| of each layer as a share of the largest."""
    reaches = {layer.name: _reach(layer) for layer in history.layers}
    largest = max((reach for reach in reaches.values() if reach is not None), default=0.0)
    return {name: reach / largest if largest > 0 else reach for name, reach in reaches.items() if reach is not None}


def _named(names: list[str]) -> str:
    """Return the layers as text, with the first three by name."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"layer{'s' if len(names) > 1 else ''} {', '.join(names[:3])}{more}"
