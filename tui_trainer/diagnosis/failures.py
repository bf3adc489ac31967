"""Rules about runs that cannot learn as they are: numbers that are none, signals that do not arrive."""

from __future__ import annotations

from statistics import median

from tui_trainer.diagnosis.findings import Finding, Holding
from tui_trainer.diagnosis.history import History, LayerSeen
from tui_trainer.protocol.describe import number


def nan(history: History, holding: Holding) -> Finding | None:
    """A batch loss or a gradient is no number. Without growth before, the rate is never blamed."""
    del holding
    broken = history.broken
    if broken is None:
        return None
    where = f", first in layer {broken.layer}" if broken.layer else ""
    last = ", ".join(number(loss) for loss in history.last_losses)
    evidence = f"the {broken.what} became {broken.kind} at step {broken.step}{where}; last finite losses {last or '-'}"
    if broken.data:
        advice = "the training data hold values that are no numbers: repair or drop them; the rate is not the cause"
    elif history.grew:
        advice = "the loss had grown before: resume from the last checkpoint and drop the rate to a tenth (k)"
    else:
        advice = (
            "non-finite without growth: inspect the batch of this step, and logarithms, roots and divisions in the "
            "model; nothing here says that the rate is the cause"
        )
    numbers = {f"loss {place - len(history.last_losses)}": loss for place, loss in enumerate(history.last_losses)}
    return Finding(
        "NAN",
        evidence,
        advice,
        {"step": broken.step, **numbers},
        "k" if history.grew and not broken.data else "",
        "alarm",
    )


def diverge(history: History, holding: Holding) -> Finding | None:
    """ml > 2 max(l0, ch), or ml > 3 best and ml > 1.5 ch; or broken after losses that had exceeded 2 max(l0, ch)."""
    del holding
    loss, level = history.loss, history.level
    best = history.epochs.last.lowest if history.epochs else history.first_loss or level
    blown = loss is not None and (loss > 2 * history.start or (loss > 3 * best and loss > 1.5 * level))
    if not blown and history.broken is not None and max(history.last_losses, default=0.0) > 2 * history.start:
        blown, loss = True, max(history.last_losses)
    if not blown:
        return None
    numbers = {"loss": loss, "best": best, "first loss": history.first_loss, "chance": history.level}
    evidence = (
        f"training loss {number(loss)}: the best epoch had {number(best)}, the first batch {number(history.first_loss)}"
    )
    if history.first_loss is not None and history.first_loss > 10 * level:
        advice = "it was far above chance before any step: initialisation and scale of the inputs first, then the rate"
        return Finding("DIVERGE", evidence, advice, numbers, "", "alarm")
    if len(history.epochs) > 1:
        return Finding(
            "DIVERGE", evidence, "roll back to the best (b) and drop the rate to a tenth (k)", numbers, "b k", "alarm"
        )
    advice = "drop the rate to a tenth (k); where the weights are spoilt already, start again with that rate"
    return Finding("DIVERGE", evidence, advice, numbers, "k", "alarm")


def explode(history: History, holding: Holding) -> Finding | None:
    """In epochs 1 to 3: l0 > 10 ch, or the last hidden layer's activations deviate > 30 times the first one's."""
    del holding
    if not 1 <= len(history.epochs) <= 3 and not (history.broken is not None and not history.epochs):
        return None
    first_loss, level = history.first_loss or 0.0, history.level
    growth = _growth(history)
    reasons: list[str] = []
    if first_loss > 10 * level:
        reasons.append(f"the first batch cost {number(first_loss)}, {number(first_loss / level, 3)} times chance")
    if growth is not None and growth > 30:
        reasons.append(f"activations grow {number(growth, 3)} times from the first hidden layer to the last")
    if not reasons:
        return None
    return Finding(
        "EXPLODE",
        "before any step counted: " + "; ".join(reasons),
        "initialisation (kaiming for ReLU, xavier for tanh, gain 1) or inputs that are not standardised: start again "
        "with model.init and data.standardise; a lower rate cures neither",
        {"first loss": history.first_loss, "chance": level, "growth": growth},
        "",
        "alarm",
    )


def no_gradient(history: History, holding: Holding) -> Finding | None:
    """A layer's gradient is exactly 0 in the median measurement, and ml > 0.3 ch."""
    del holding
    loss = history.loss
    if loss is None or loss <= 0.3 * history.level:
        return None
    silent = [layer.name for layer in history.layers if layer.gradients and median(layer.gradients) == 0]
    if not silent:
        return None
    return Finding(
        "NOGRAD",
        f"the gradient is exactly 0 in {_named(silent)}, and the loss is {number(loss)}",
        "an activation without a slope (sign), weights that are all zero, or ReLUs that are all silent: look at the "
        "layers (w) and start again with another model.activation or model.init",
        {"layers without gradient": len(silent), "loss": loss},
        "w",
        "alarm",
    )


def dead(history: History, holding: Holding) -> Finding | None:
    """More than half of some layer's ReLUs are silent on all validation rows, and ml > 0.1 ch; a quarter is a note."""
    del holding
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
    most = worst.silent > 0.5
    return Finding(
        "DEAD",
        f"{worst.silent:.0%} of the ReLUs of layer {worst.name} are silent for every validation sample",
        "a lower rate (k) saves the others; silent ones come back with leaky-relu or a new start"
        if most
        else "not many yet; a lower rate (-) keeps it from getting worse",
        {"silent": worst.silent, "loss": loss},
        "k" if most else "-",
        "alarm" if most else "note",
        None if most else MILD,
    )


def vanish(history: History, holding: Holding) -> Finding | None:
    """The smallest |g|/|W| of a layer is below 1e-2 of the largest (3 layers or more), or the activations' deviation
    falls below 1e-3 of the first hidden layer's at the last one."""
    del holding
    ratios = [_reach(layer) for layer in history.layers]
    known = [(ratio, layer.name) for ratio, layer in zip(ratios, history.layers, strict=True) if ratio is not None]
    reasons: list[str] = []
    spread = None
    if len(known) >= 3 and max(known)[0] > 0:
        spread = min(known)[0] / max(known)[0]
        # A gradient of exactly 0 is another rule's.
        if 0 < spread < 1e-2:
            low, high = min(known)[1], max(known)[1]
            reasons.append(f"|gradient|/|weights| of layer {low} is {number(spread, 2)} of layer {high}'s")
    growth = _growth(history)
    if growth is not None and growth < 1e-3:
        reasons.append(
            f"activations deviate {number(growth, 2)} times as much in the last hidden layer as in the first"
        )
    if not reasons:
        return None
    return Finding(
        "VANISH",
        "; ".join(reasons),
        "another activation or initialisation (w: the layers); an optimizer that scales each coordinate (o: adam) "
        "helps where the gradient is only uneven",
        {"smallest / largest": spread, "last / first deviation": growth},
        "o",
        "alarm",
    )


def stuck(history: History, holding: Holding) -> Finding | None:
    """3 epochs or more, and ml > 0.93 H0: the loss is that of predicting the class frequencies."""
    del holding
    loss = history.loss
    if loss is None or len(history.epochs) < 3 or loss <= 0.93 * history.guess:
        return None
    return Finding(
        "STUCK",
        f"training loss {number(loss)} after {len(history.epochs)} epochs; predicting {_frequencies(history)} costs "
        f"{number(history.guess)}",
        "see whether gradients reach every layer (w): if not, another initialisation; if they do, ten times the rate "
        "(l, x10)",
        {"loss": loss, "guessing": history.guess},
        "w l",
        "alarm",
    )


MILD = 13
"""The place in the order of what is only worth a note."""


def _frequencies(history: History) -> str:
    return "the mean" if history.task == "regression" else "the class frequencies"


def _growth(history: History) -> float | None:
    """How many times the activations of the last hidden layer deviate as those of the first do."""
    spreads = [layer.spread for layer in history.layers if layer.spread is not None]
    return spreads[-1] / spreads[0] if len(spreads) >= 2 and spreads[0] > 0 else None


def _reach(layer: LayerSeen) -> float | None:
    if not layer.gradients or not median(layer.weights) > 0:
        return None
    return median(layer.gradients) / median(layer.weights)


def _named(names: list[str]) -> str:
    """Layers in words, the first three by name."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"layer{'s' if len(names) > 1 else ''} {', '.join(names[:3])}{more}"
