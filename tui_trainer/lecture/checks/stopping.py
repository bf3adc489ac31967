"""Check S49: early stopping."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from tui_trainer.lecture.claims import Measured, about, above, below, within
from tui_trainer.lecture.model_probes import error_on_test
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.training_cache import TrainingCache


@row("S49", "early-stop")
def early_stopping(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("early-stop")
    restored, left, end = (error_on_test(runs[name]) for name in ("restore", "no-restore", "to-the-end"))
    yield Measured("epoch at which it stopped", len(runs["restore"].epochs), below(30))
    yield Measured(
        "test error at the end, minus that with the best weights back",
        end - restored,
        above(0.04),
        of="mean",
        key="restored",
    )
    yield Measured("test error at the end", end, within(0.12, 0.35), key="end")
    claim = "test error, stopped without restoring minus that with the best weights back"
    yield Measured(claim, left - restored, above(0.04), of="mean", key="paired")
    yield Measured(
        "test error at the end, minus that stopped without restoring",
        end - left,
        within(-0.05, 0.1),
        of="mean",
        key="left",
    )
    seldom = runs["every-5"]
    seen = sum("val_loss" in end.metrics for end in seldom.epochs) / len(seldom.epochs)
    claim = "validations per epoch, validated after every fifth one"
    yield Measured(claim, seen, about(0.2, 0.03), key="validations")
    claim = "test error with the best weights back, every fifth epoch minus every epoch"
    yield Measured(claim, error_on_test(seldom) - restored, within(-0.05, 0.05), of="mean", key="seldom")
    whole = runs["to-the-end"]
    late = fmean(whole.at(epoch, "val_loss") for epoch in range(len(whole.epochs) - 9, len(whole.epochs) + 1))
    risen = late / whole.best("val_loss")  # 1.28 at one of seven seeds
    yield Measured("validation loss of the last ten epochs over its best", risen, above(1.3), of="mean")
