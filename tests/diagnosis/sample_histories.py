"""Histories by hand: a run as the rules see it, with one thing wrong."""

from __future__ import annotations

import math
from typing import Any

from tui_trainer.diagnosis.epochs import Epochs, EpochSeen
from tui_trainer.diagnosis.history import History, LayerSeen, ProbeSeen

LN10 = math.log(10)


def epochs(losses: list[float], **columns: list[Any] | Any) -> Epochs:
    """Epochs with these training losses; a column is a list, or one value for all."""
    return Epochs.of(
        EpochSeen(
            number=place + 1,
            step=(place + 1) * 40,
            loss=loss,
            **{name: value[place] if isinstance(value, list) else value for name, value in columns.items()},
        )
        for place, loss in enumerate(losses)
    )


def probes(
    quality: float | None = 0.95, update: float | None = 1e-3, cosine: float | None = 0.1, count: int = 5
) -> tuple[ProbeSeen, ...]:
    """So many steps, all alike."""
    return tuple(ProbeSeen(place, 1, quality, update, cosine) for place in range(count))


def layers(*pairs: tuple[float, float], spreads: tuple[float | None, ...] = (), silent: float | None = None):
    """Layers with (gradient, weights) in the median of three measurements."""
    return tuple(
        LayerSeen(
            f"layer{place + 1}",
            (gradient,) * 3,
            (weight,) * 3,
            spreads[place] if place < len(spreads) else None,
            silent,
        )
        for place, (gradient, weight) in enumerate(pairs)
    )


def history(losses: list[float] | None = None, **changes: Any) -> History:
    """A run on ten classes that learns: no rule sees anything in it."""
    found: dict[str, Any] = {
        "task": "classification",
        "chance": LN10,
        "guessing": LN10,
        "optimizer": "sgd",
        "planned": 30,
        "steps_per_epoch": 40,
        "validation_samples": 400,
        "first_loss": 2.6,
        "last_losses": (0.5, 0.5, 0.5, 0.5, 0.5),
        "epochs": epochs(losses or [1.2, 0.8, 0.5, 0.35, 0.25], val_loss=0.4, val_error=0.1, lr=0.1),
        "probes": probes(),
        "layers": layers((1.0, 5.0), (1.0, 5.0), (1.0, 5.0), spreads=(1.0, 1.0), silent=0.05),
    }
    return History(**(found | changes))
