"""The usual time and the last result of presets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tui_trainer.runs.run_info import RunInfo
from tui_trainer.ui.screens.home.past import Past, past_of, spoken

RUN = RunInfo("a", "/r/a", "finished", "completed", "digits-mlp", 10, 100, {"val_loss": 0.2, "val_accuracy": 0.975})


def run(seconds: float, **changes: object) -> RunInfo:
    return replace(RUN, path=f"/r/{seconds}-{changes}", seconds=seconds, **changes)  # type: ignore[arg-type]


def test_the_usual_time_is_the_median_of_the_newest_whole_trainings() -> None:
    runs = [
        run(900.0, status="running", reason=""),  # live
        run(1.0, reason="stopped"),
        run(30.0),
        run(40.0, reason="early-stopped"),
        run(35.0),
        run(500.0, status="dead", reason=""),
    ]
    assert past_of(runs, {"digits-mlp": 1}) == {"digits-mlp": Past(5, 35.0, "97.5 %")}
    assert past_of(runs, {"spirals": 1}) == {}


def test_the_runs_of_a_set_add_up_and_the_best_one_counts() -> None:
    runs = [
        run(10.0, name="s_1/adam", metrics={"val_accuracy": 0.9}),
        run(20.0, name="s_1/sgd", metrics={"val_accuracy": 0.95}),
        run(7.0, name="s_0/adam"),  # the other run is gone
    ]
    assert past_of(runs, {"digits-mlp": 2}) == {"digits-mlp": Past(2, 30.0, "95.0 %")}


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"metrics": {"val_loss": 0.5, "train_loss": 0.4}}, "loss 0.5"),
        ({"metrics": {"val_rmse": 55.0, "val_r2": 0.4512, "val_loss": 1.0}}, "r2 0.451"),
        ({"metrics": {"val_accuracy": None, "val_loss": float("nan")}}, ""),
        ({"metrics": {}, "status": "failed", "reason": "not-finite"}, "failed"),
    ],
)
def test_the_result_is_the_metric_that_decides(changes: dict[str, object], result: str) -> None:
    assert past_of([run(1.0, **changes)], {"digits-mlp": 1})["digits-mlp"].result == result


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, ""), (0.2, "1 s"), (38.4, "38 s"), (130.0, "2 min"), (6400.0, "2 h"), (5400.0, "1.5 h")]
)
def test_a_usual_time_is_rounded(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
