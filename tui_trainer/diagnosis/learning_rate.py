"""Rules about the step size. A flat loss alone is no evidence about the learning rate; the steps must show it.

The symbols in the rules: ml is the mean training loss of the last epoch, ch the loss of chance, l0 the first loss, rho
the step quality (actual over predicted decrease of the loss), u the relative update |dw| / |w|, and c the cosine
between the gradients of consecutive batches.
"""

from __future__ import annotations

import math

from tui_trainer.diagnosis.actions import LAYERS, RMSPROP, STAIRCASE, TENFOLD, TENTH, THRICE
from tui_trainer.diagnosis.epochs import GAIN
from tui_trainer.diagnosis.findings import ORDER, Finding, Holding, blamed
from tui_trainer.diagnosis.history import History
from tui_trainer.diagnosis.plan import LOW, NEARLY_ZERO, lowers_itself, planned_share
from tui_trainer.protocol.describe import number


def patience(history: History) -> int:
    """Return the number of epochs without a 1 % gain after which a curve is flat: a sixth of the run, at least 5."""
    return max(5, history.planned // 6)


def flat(history: History) -> bool:
    """Return whether min(last P epochs) > 0.99 min(epochs before), and ml > 0.05 ch.

    The minimum over all epochs can stand for that over the last P: losses are not negative.
    """
    last = patience(history)
    loss = history.loss
    if loss is None or len(history.epochs) <= last or loss <= 0.05 * history.level:
        return False
    return history.epochs.last.lowest > GAIN * history.epochs.back(last).lowest


def lr_high(history: History, holding: Holding) -> Finding | None:
    """ml > 0.1 ch or a batch > 2 ch, the median quality of the steps below 0.85, and two signs of steps too large.

    Where nearly all validation samples are right, ml > 0.25 ch as well: what is left to gain is small.
    """
    loss, level = history.loss, history.level
    quality, update, cosine = history.quality, history.update, history.cosine
    if loss is None or quality is None or quality >= 0.85 or (history.solved and loss <= 0.25 * level):
        return None
    epoch = history.epochs.last
    if loss <= 0.1 * level and epoch.highest <= 2 * level:
        return None
    noise = epoch.deviation / loss if loss > 0 else 0.0
    reasons: list[str] = []
    weight = 0
    if quality < 0.45:
        reasons.append("steps lose more than half of the predicted decrease")
    if update is not None and cosine is not None and update > 5e-3 and noise > 0.25 and cosine < 0.3:
        reasons.append(
            f"large steps (relative update {number(update, 2)}) in inconsistent directions (cosine {number(cosine, 2)})"
        )
    if epoch.highest > 5 * level:
        reasons.append(f"a batch had loss {number(epoch.highest)}")
    if _no_gain_in_two(history) or flat(history):
        reasons.append("the loss is flat")
    if "DIVERGE" in holding:
        reasons.append("the loss diverges")
        weight = 1
    if len(reasons) + weight < 2:
        return None
    return Finding(
        "LR_HIGH",
        f"a step lowers its own batch's loss by {_share(quality)} of what its gradient predicts: " + "; ".join(reasons),
        "divide the learning rate by 10 now, or use the staircase schedule (StepLR) from here on",
        {"rho": quality, "u": update, "c": cosine, "deviation / loss": noise, "highest batch": epoch.highest},
        (TENTH, STAIRCASE),
        curve="train_loss",
    )


def plateau_noise(history: History, holding: Holding) -> Finding | None:
    """Flat, and either LR_HIGH or large steps (u > 1e-3) of low quality (rho < 0.9)."""
    if not flat(history) or lowers_itself(history) or planned_share(history) < NEARLY_ZERO:
        return None
    quality, update = history.quality, history.update
    large = quality is not None and update is not None and quality < 0.9 and update > 1e-3
    if not large and "LR_HIGH" not in holding:
        return None
    return Finding(
        "PLATEAU_NOISE",
        f"{_flat_words(history)}. Cause: the noise of the steps (quality {number(quality, 2)}, relative update "
        f"{number(update, 2)})",
        "divide the learning rate by 10, as the staircase schedule does: it lowers the noise floor",
        {"epochs without 1 % gain": history.epochs.without_gain, "rho": quality, "u": update},
        (TENTH, STAIRCASE),
        since=_since_gain(history),
        curve="train_loss",
    )


def adagrad(history: History, _holding: Holding) -> Finding | None:
    """Adagrad, ml > 0.05 ch, rho > 0.9, and a step that is a quarter of epoch 1's or less than 5e-4 of the weights."""
    loss, quality, update = history.loss, history.quality, history.update
    if history.optimizer != "adagrad" or loss is None or quality is None:
        return None
    if loss <= 0.05 * history.level or quality <= 0.9:
        return None
    share = history.rate / history.first_rate if history.rate is not None and history.first_rate else None
    shrunk = share is not None and share < 0.25
    if not shrunk and not (update is not None and update < 5e-4):
        return None
    fell = f"the effective step fell to {share:.0%} of that in epoch 1" if share is not None else "the steps are tiny"
    return Finding(
        "ADAGRAD",
        f"{fell}; relative update {number(update, 2)}, step quality {number(quality, 2)}",
        "change the optimizer: rmsprop forgets old gradients; choosing adagrad again resets its sum",
        {"effective step": history.rate, "share of epoch 1": share, "u": update, "rho": quality},
        (RMSPROP,),
        curve="train_loss",
    )


def lr_low(history: History, holding: Holding) -> Finding | None:
    """rho > 0.985, u < 2e-3, ml > 0.05 ch, not flat, and the loss falls (0.5 % per epoch) or c > 0.2.

    A rate below half of the schedule's highest one is as planned: in a warm-up, or after a decay.
    """
    loss, quality, update, cosine = history.loss, history.quality, history.update, history.cosine
    if loss is None or quality is None or update is None or blamed(_NOT_LOW, holding):
        return None
    if quality <= 0.985 or update >= 2e-3 or loss <= 0.05 * history.level or flat(history):
        return None
    if planned_share(history) < LOW:
        return None
    slope = history.fall(4)
    if slope <= 0.005 and not (cosine is not None and cosine > 0.2):
        return None
    half = math.log(2) / -math.log1p(-slope) if 0 < slope < 1 else None
    projected = f"{math.ceil(half)} more epochs to half the loss" if half is not None else "it does not fall"
    agreed = f", gradients agree (cosine {number(cosine, 2)})" if cosine is not None and cosine > 0.2 else ""
    return Finding(
        "LR_LOW",
        f"a step changes only {100 * update:.2g} % of the weights and lowers the loss as its gradient predicts (ratio "
        f"{number(quality, 3)}){agreed}; the loss falls by {slope:.1%} per epoch, {projected}",
        "multiply the learning rate by 3",
        {"rho": quality, "u": update, "c": cosine, "fall an epoch": slope, "epochs to half": half},
        (THRICE,),
        curve="train_loss",
    )


def plateau(history: History, holding: Holding) -> Finding | None:
    """Flat, while the plan keeps the rate up, and no other finding explains it."""
    if not flat(history) or planned_share(history) < NEARLY_ZERO or history.solved or blamed(_CAUSES, holding):
        return None
    quality, update = history.quality, history.update
    small = quality is not None and update is not None and quality > 0.985 and update < 5e-4
    if small:
        cause = "possibly too small steps"
        advice, actions = "multiply the learning rate by 10 to see whether this is the cause", (TENFOLD,)
    else:
        cause = "not found"
        advice = "check the layers and the data; more epochs alone will not help much"
        actions = (LAYERS,)
    return Finding(
        "PLATEAU",
        f"{_flat_words(history)}. Cause: {cause} (step quality {number(quality, 2)}, relative update "
        f"{number(update, 2)})",
        advice,
        {"epochs without 1 % gain": history.epochs.without_gain, "rho": quality, "u": update},
        actions,
        "note",
        since=_since_gain(history),
        curve="train_loss",
    )


_NOT_LOW = ("DIVERGE", "NOGRAD", "DEAD")
_CAUSES = ORDER[: ORDER.index("PLATEAU")]


def _flat_words(history: History) -> str:
    return f"no gain of 1 % for {history.epochs.without_gain} epochs, training loss {number(history.loss)}"


def _no_gain_in_two(history: History) -> bool:
    return len(history.epochs) > 2 and history.epochs.last.loss > 0.97 * history.epochs.back(2).loss


def _since_gain(history: History) -> int:
    """Return the step of the last epoch with a gain."""
    return history.epochs.back(history.epochs.without_gain).step


def _share(quality: float) -> str:
    return "nothing" if quality <= 0 else f"{quality:.0%}"
