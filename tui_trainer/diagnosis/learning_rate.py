"""Rules about the size of the steps. Flatness alone never blames the rate: the steps themselves have to show it."""

from __future__ import annotations

import math

from tui_trainer.diagnosis.epochs import GAIN
from tui_trainer.diagnosis.findings import ORDER, Finding, Holding, blamed
from tui_trainer.diagnosis.history import History
from tui_trainer.protocol.describe import number


def patience(history: History) -> int:
    """Epochs without a gain of 1 % after which a curve counts as flat: a sixth of the run, 5 at least."""
    return max(5, history.planned // 6)


def flat(history: History) -> bool:
    """min(the last P epochs) > 0.99 min(those before), and ml > 0.05 ch: losses are not negative, so the lowest of all
    will do for the lowest of the last."""
    last = patience(history)
    loss = history.loss
    if loss is None or len(history.epochs) <= last or loss <= 0.05 * history.level:
        return False
    return history.epochs.last.lowest > GAIN * history.epochs.back(last).lowest


def lr_high(history: History, holding: Holding) -> Finding | None:
    """ml > 0.1 ch or a batch > 2 ch, the median quality of the steps below 0.85, and two signs of steps too large."""
    loss, level = history.loss, history.level
    quality, update, cosine = history.quality, history.update, history.cosine
    if loss is None or quality is None or quality >= 0.85:
        return None
    epoch = history.epochs.last
    if loss <= 0.1 * level and epoch.highest <= 2 * level:
        return None
    noise = epoch.deviation / loss if loss > 0 else 0.0
    reasons: list[str] = []
    weight = 0
    if quality < 0.45:
        reasons.append("a step undoes more than half of what its gradient promised")
    if update is not None and cosine is not None and update > 5e-3 and noise > 0.25 and cosine < 0.3:
        reasons.append(f"large steps (u {number(update, 2)}) in directions that do not agree (c {number(cosine, 2)})")
    if epoch.highest > 5 * level:
        reasons.append(f"a batch cost {number(epoch.highest)}")
    if _no_gain_in_two(history) or flat(history):
        reasons.append("the loss is flat")
    if "DIVERGE" in holding:
        reasons.append("the loss blows up")
        weight = 1
    if len(reasons) + weight < 2:
        return None
    return Finding(
        "LR_HIGH",
        f"step quality rho {number(quality, 2)} (1 is a small step, below 0.5 too far): " + "; ".join(reasons),
        "remember the staircase: the rate to a tenth now (k), or StepLR as the schedule (s: staircase) from here on",
        {"rho": quality, "u": update, "c": cosine, "deviation / loss": noise, "highest batch": epoch.highest},
        "k s",
    )


def plateau_noise(history: History, holding: Holding) -> Finding | None:
    """Flat, and either LR_HIGH or steps that are large (u > 1e-3) and miss what they promise (rho < 0.9)."""
    if not flat(history):
        return None
    quality, update = history.quality, history.update
    large = quality is not None and update is not None and quality < 0.9 and update > 1e-3
    if not large and "LR_HIGH" not in holding:
        return None
    return Finding(
        "PLATEAU_NOISE",
        f"{_flat_words(history)}. Cause: the noise of its steps (rho {number(quality, 2)}, u {number(update, 2)})",
        "the staircase: the rate to a tenth (k) lowers the floor that the loss dances on",
        {"epochs without 1 % gain": history.epochs.without_gain, "rho": quality, "u": update},
        "k",
    )


def adagrad(history: History, holding: Holding) -> Finding | None:
    """Adagrad, ml > 0.05 ch, rho > 0.9, and a step that is a quarter of epoch 1's or less than 5e-4 of the weights."""
    del holding
    loss, quality, update = history.loss, history.quality, history.update
    if history.optimizer != "adagrad" or loss is None or quality is None:
        return None
    if loss <= 0.05 * history.level or quality <= 0.9:
        return None
    share = history.rate / history.first_rate if history.rate is not None and history.first_rate else None
    shrunk = share is not None and share < 0.25
    if not shrunk and not (update is not None and update < 5e-4):
        return None
    fell = f"the effective step fell to {share:.0%} of epoch 1's" if share is not None else "the steps are tiny"
    return Finding(
        "ADAGRAD",
        f"{fell}; |dw|/|w| is {number(update, 2)}, rho {number(quality, 2)}",
        "choose the optimizer anew (o): rmsprop forgets old gradients, and adagrad again starts with an empty sum",
        {"effective step": history.rate, "share of epoch 1": share, "u": update, "rho": quality},
        "o",
    )


def lr_low(history: History, holding: Holding) -> Finding | None:
    """rho > 0.985, u < 2e-3, ml > 0.05 ch, not flat, and the loss falls (0.5 % an epoch) or gradients agree (0.2).

    Where the schedule itself has brought the rate down it is no more than a note.
    """
    loss, quality, update, cosine = history.loss, history.quality, history.update, history.cosine
    if loss is None or quality is None or update is None or blamed(_NOT_LOW, holding):
        return None
    if quality <= 0.985 or update >= 2e-3 or loss <= 0.05 * history.level or flat(history):
        return None
    slope = history.fall(4)
    if slope <= 0.005 and not (cosine is not None and cosine > 0.2):
        return None
    half = math.log(2) / -math.log1p(-slope) if 0 < slope < 1 else None
    projected = (
        f"at this slope: {math.ceil(half)} more epochs to half the loss" if half is not None else "it does not fall"
    )
    highest, now = history.epochs.highest_lr, history.epochs.last.lr
    lowered = highest > 0 and now < 0.5 * highest
    meant = f"; its schedule has brought the rate to {now / highest:.0%}" if lowered else ""
    agreed = f", gradients agree (c {number(cosine, 2)})" if cosine is not None and cosine > 0.2 else ""
    return Finding(
        "LR_LOW",
        f"every step does what it promised (rho {number(quality, 3)}) and moves the weights by {number(update, 2)}"
        f"{agreed}; {slope:.1%} an epoch, {projected}{meant}",
        "three times the rate (l, x3), or twice (+). A low rate makes steps safe, not sufficient",
        {"rho": quality, "u": update, "c": cosine, "fall an epoch": slope, "epochs to half": half},
        "l",
        "note" if lowered else "warning",
    )


def plateau(history: History, holding: Holding) -> Finding | None:
    """Flat. The advice follows from what else holds, and without a cause none is made up."""
    if not flat(history):
        return None
    causes = blamed(_CAUSES, holding)
    quality, update = history.quality, history.update
    small = quality is not None and update is not None and quality > 0.985 and update < 5e-4
    if causes:
        cause, advice, key = f"see {causes[0]}", f"act on {causes[0]} first", ""
    elif small:
        cause, advice, key = (
            "steps too small to get anywhere",
            "ten times the rate (l, x10) shows whether it is that",
            "l",
        )
    else:
        cause, advice, key = "not found", "look at the layers (w) and at the data; more epochs alone bring little", "w"
    return Finding(
        "PLATEAU",
        f"{_flat_words(history)}. Cause: {cause} (rho {number(quality, 2)}, u {number(update, 2)})",
        advice,
        {"epochs without 1 % gain": history.epochs.without_gain, "rho": quality, "u": update},
        key,
        "note",
    )


_NOT_LOW = ("DIVERGE", "NOGRAD", "DEAD")
_CAUSES = ORDER[: ORDER.index("PLATEAU")]


def _flat_words(history: History) -> str:
    return f"flat: {history.epochs.without_gain} epochs without 1 % gain at {number(history.loss)}"


def _no_gain_in_two(history: History) -> bool:
    return len(history.epochs) > 2 and history.epochs.last.loss > 0.97 * history.epochs.back(2).loss
