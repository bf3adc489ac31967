"""The direction in which a metric is better."""

from __future__ import annotations

import pytest

from tui_trainer.components.early_stopping import lower_is_better


@pytest.mark.parametrize(
    "name",
    ["val_loss", "val/loss", "rmse", "eval_perplexity", "accuracy_loss", "metrics/box_error", "grad_norm", "heatmap"],
)
def test_losses_errors_and_unknown_names_are_better_when_smaller(name: str) -> None:
    assert lower_is_better(name)


@pytest.mark.parametrize(
    "name",
    ["val_accuracy", "val_r2", "class/3/precision", "val_acc", "Acc@1", "eval/f1", "metrics/mAP50(B)", "reward/mean"],
)
def test_scores_are_better_when_larger(name: str) -> None:
    assert not lower_is_better(name)
    assert lower_is_better(name, "min")
