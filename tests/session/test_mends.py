"""A replay of a run that earlier code recorded names the mend that changed its numbers."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from tests.support import tiny_config
from tui_trainer.config.run_config import RunConfig
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.spec import HostSpec
from tui_trainer.host.worker import Worker
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.catalog import read_run_info
from tui_trainer.runs.comparing.mends import MENDS, RecordedRun, explained, mends_of
from tui_trainer.runs.history import LENGTH, RunHistory, differing_metrics, first_difference, read_history
from tui_trainer.session.replay import compare_replay, replay_spec

RECORDED = Path(__file__).parent.parent / "fixtures" / "runs-0.1"
OLD = {"versions": {"tui-trainer": "0.1.0"}}


def train(spec: HostSpec) -> None:
    bus = EventBus()
    for run in spec.runs:
        bus.add_run(run.name)
    worker = Worker(spec, bus, lambda directory: None)
    try:
        worker.work()
    finally:
        bus.close()
        worker.release()
    assert (worker.exit_code, worker.refusal) == (0, "")


def replayed(path: Path, runs: Path) -> tuple[bool, list[str], Path]:
    history = read_history(path / "events.jsonl")
    spec = replay_spec([(read_run_info(path), history)], str(runs), ["test"], trust=True)
    train(spec)
    again = Path(spec.runs[0].path)
    return *compare_replay(history, path, again), again


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A copy of the run with two targets and a test split that was never measured."""
    return Path(shutil.copytree(RECORDED / "targets", tmp_path / "targets"))


def skip_where_rounding_differs(old: Path, new: Path) -> None:
    """Skip where this CPU rounds otherwise than the one that recorded a run: any number may then differ a little."""
    before, after = read_history(old / "events.jsonl").rows, read_history(new / "events.jsonl").rows
    pairs = [
        (value, after[step][name])
        for step, row in before.items()
        for name, value in row.items()
        if name in ("train_loss", "val_loss", "grad_norm") and name in after.get(step, {})
    ]
    assert pairs
    close = all(math.isclose(was, now, rel_tol=1e-4) for was, now in pairs)
    if close and any(was != now for was, now in pairs):
        pytest.skip("the CPU that recorded this run rounds otherwise")


def test_a_replay_names_the_mends_of_a_run_with_several_targets_and_a_test_split(recorded, tmp_path):
    identical, lines, again = replayed(recorded, tmp_path / "runs")
    assert not identical
    skip_where_rounding_differs(recorded, again)
    first, *mends = lines
    assert first.startswith("step 4: train_r2 was ")
    assert [line.rpartition(": ")[2] for line in mends] == ["regression-metrics)", "test-split)"]
    assert mends[0].startswith("train_r2, train_rmse, val_r2, val_rmse differ: RMSE and R2 are scikit-learn's now")
    assert mends[1].startswith("test_loss, test_r2, test_rmse differ: the test split (data.test) is measured now")
    assert all("recorded by tui-trainer 0.1.0" in line for line in mends)
    # What is recorded now has every mend: its own replay is identical.
    identical, lines, _ = replayed(again, tmp_path / "runs")
    assert (identical, lines) == (True, ["identical over 16 steps"])


def test_the_losses_of_that_run_are_the_same(recorded, tmp_path):
    _, _, again = replayed(recorded, tmp_path / "runs")
    old, new = read_history(recorded / "events.jsonl"), read_history(again / "events.jsonl")
    assert {step: row["train_loss"] for step, row in new.rows.items()} == pytest.approx(
        {step: row["train_loss"] for step, row in old.rows.items()}, rel=1e-5
    )


@pytest.mark.parametrize("name", ["steered", "valley/adam"])
def test_runs_that_no_mend_touches_name_none(tmp_path, name):
    path = Path(shutil.copytree(RECORDED / name, tmp_path / "run"))
    _, lines, again = replayed(path, tmp_path / "runs")
    skip_where_rounding_differs(path, again)
    assert not any("mend" in line for line in lines[1:]), lines


def history_of(*interventions: cmd.AnyCommand, **row: float) -> RunHistory:
    history = RunHistory()
    history.rows = {5: {"train_loss": 1.0, **row}}
    history.interventions = [(2, command) for command in interventions]
    return history


CASES = [
    ("plateau-epochs", tiny_config(scheduler={"kind": "plateau"}), history_of(), "lr"),
    (
        "plateau-epochs",
        tiny_config(),
        history_of(cmd.SetScheduler.model_validate({"scheduler": {"kind": "plateau"}})),
        "lr",
    ),
    (
        "patience-epochs",
        tiny_config(training={"validate_every": 2}, early_stopping={"enabled": True}),
        history_of(),
        LENGTH,
    ),
    (
        "min-lr-holds",
        tiny_config(scheduler={"kind": "cosine", "min_lr": 0.01}),
        history_of(cmd.SetLearningRate(value=0.2)),
        "lr",
    ),
    ("clip-overflow", tiny_config(training={"clip_grad_norm": 1.0}), history_of(), "train_loss"),
    ("clip-overflow", tiny_config(), history_of(cmd.SetClip(value=1.0)), "train_loss"),
    (
        "optimizer-types",
        tiny_config(optimizer={"kind": "nadam"}, training={"precision": "float64"}),
        history_of(cmd.RollBack()),
        "train_loss",
    ),
    ("roll-back-settings", tiny_config(), history_of(cmd.RollBack()), "train_loss"),
    ("roll-back-state", tiny_config(), history_of(cmd.RollBack()), "train_loss"),
    ("rate-before-peak", tiny_config(scheduler={"kind": "cyclic"}), history_of(cmd.SetLearningRate(value=0.001)), "lr"),
    ("longer-runs", tiny_config(scheduler={"kind": "cosine"}), history_of(cmd.SetEpochs(value=9)), "lr"),
    ("plateau-negative", tiny_config(scheduler={"kind": "plateau"}), history_of(), "lr"),
    ("csv-columns", tiny_config(data={"kind": "csv", "path": "t.csv"}), history_of(), "train_loss"),
    ("standardise-constants", tiny_config(data={"kind": "import", "path": "a:b"}), history_of(), "val_loss"),
    ("fast-path-shared", tiny_config(model={"kind": "import", "path": "a:b"}), history_of(), "train_loss"),
    ("graph-outputs", tiny_config(training={"cuda_graphs": True}), history_of(), "train_accuracy"),
    ("graph-inputs", tiny_config(training={"cuda_graphs": True}), history_of(), "train_loss"),
    ("finite-weights", tiny_config(), history_of(train_loss=float("nan")), LENGTH),
    ("test-split", tiny_config(data={"test": 0.2}), history_of(), "test_loss"),
    (
        "regression-metrics",
        tiny_config(data={"kind": "sine"}, loss={"kind": "mse"}),
        history_of(),
        "val_rmse",
    ),
]


@pytest.mark.parametrize(("mend", "config", "history", "metric"), CASES)
def test_each_mend_is_named_where_it_applies(mend: str, config: RunConfig, history: RunHistory, metric: str):
    old = RecordedRun(config, history, OLD)
    assert mend in [each.id for each in mends_of(old, [metric])]
    new = RecordedRun(config, history, {"mends": [each.id for each in MENDS]})
    assert mends_of(new, [metric]) == []
    resumed = RecordedRun(config, history, {**new.about, "resumed": [{"mends": [mend]}]})
    assert mend not in [each.id for each in mends_of(resumed, [metric])]
    plain = RecordedRun(tiny_config(), history_of(), OLD)
    assert mends_of(plain, [metric]) == []


def test_every_mend_has_a_case():
    assert {case[0] for case in CASES} == {mend.id for mend in MENDS}
    assert len({mend.id for mend in MENDS}) == len(MENDS)


def test_what_a_mend_does_not_explain_is_said():
    config = tiny_config(data={"kind": "sine"}, loss={"kind": "mse"})
    lines = explained(RecordedRun(config, history_of(), OLD), {"val_rmse": 5, "train_loss": 3})
    assert lines[0].startswith("val_rmse differs: ")
    assert lines[-1] == "not among the numbers of these mends: train_loss (from step 3)"


def test_all_that_is_recorded_is_compared():
    def history(**changes: float) -> RunHistory:
        made = RunHistory()
        layer = ev.Layer(grad_norm=1.0, weight_norm=changes.get("weight", 2.0), dead=changes.get("dead", 0.0))
        made.add(ev.Scalars(step=1, steps=[1], seconds=[0.1], values={"train_loss": [0.5]}))
        made.add(ev.LayersMeasured(step=1, layers={"hidden": layer}))
        metrics = {"train_loss": changes.get("mean", 0.5), "val_loss": changes.get("val", 0.4)}
        made.add(ev.EpochEnded(step=1, epoch=1, seconds=0.1, metrics=metrics))
        return made

    assert first_difference(history(), history()) == ""
    names = {
        "weight": "weight_norm/hidden",
        "dead": "dead/hidden",
        "mean": "mean train_loss of the epoch",
        "val": "val_loss",
    }
    for change, name in names.items():
        assert differing_metrics(history(), history(**{change: 9.0})) == {name: 1}


def test_a_change_of_run_toml_is_named(tmp_path):
    path = Path(shutil.copytree(RECORDED / "valley/adam", tmp_path / "run"))
    config = path / "run.toml"
    config.write_text(config.read_text().replace("norm_every = 10", "norm_every = 5"))
    identical, lines, _ = replayed(path, tmp_path / "runs")
    assert not identical
    assert "run.toml has changed since: training.norm_every was 10, is 5" in lines
