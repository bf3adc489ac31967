"""What a script logs is what the journal holds."""

from __future__ import annotations

import csv
import math

import pytest
import torch

from tests.monitor.conftest import Script
from tui_trainer.monitor.parts.values import StepValues, name_error, roles_of, scalar


def test_every_step_has_its_loss_its_rate_and_what_was_logged(script: Script) -> None:
    losses: list[float] = []
    with script.monitor() as monitor:
        for _ in monitor.epochs(2):
            for inputs, targets in monitor.batches(script.loader):
                loss = script.step(inputs, targets)
                losses.append(loss.item())
                monitor.log(loss=loss, axis={"tokens": 3})
                monitor.log({"reward/mean": 2 * losses[-1]})
    assert script.series("train_loss") == pytest.approx(dict(enumerate(losses, start=1)))
    assert script.series("reward/mean") == pytest.approx({step: 2 * loss for step, loss in enumerate(losses, 1)})
    assert script.series("axis/tokens") == {step: 3.0 * step for step in range(1, 11)}
    assert set(script.series("lr").values()) == {0.1}
    ended = script.events("EpochEnded")
    assert [event["metrics"]["train_loss"] for event in ended] == pytest.approx(
        [sum(losses[:5]) / 5, sum(losses[5:]) / 5]
    )
    finished = script.events("RunFinished")
    assert [(event["reason"], event["step"], event["epoch"]) for event in finished] == [("completed", 10, 2)]


def test_several_calls_in_a_step_are_combined(script: Script) -> None:
    with script.monitor() as monitor:
        for _ in monitor.steps(3):
            script.step(script.inputs, script.targets)
            for value in (1.0, 2.0, 6.0):
                monitor.log(mean=value, weight=value)
                monitor.log(total=value, reduce="sum")
                monitor.log(newest=value, reduce="last")
    weighted = (1 + 4 + 36) / 9
    assert script.series("mean") == pytest.approx(dict.fromkeys((1, 2, 3), weighted))
    assert script.series("total") == dict.fromkeys((1, 2, 3), 9.0)
    assert script.series("newest") == dict.fromkeys((1, 2, 3), 6.0)


def test_the_loss_of_an_epoch_is_weighted(script: Script) -> None:
    with script.monitor() as monitor:
        for _ in monitor.epochs(1):
            for number, (inputs, targets) in enumerate(monitor.batches(script.loader), start=1):
                script.step(inputs, targets)
                monitor.log(loss=float(number), weight=number)
        assert monitor.step_count == 5
    assert monitor.step_count == 5
    assert script.events("EpochEnded")[0]["metrics"]["train_loss"] == pytest.approx(55 / 15)


def test_a_tensor_is_copied_and_keeps_no_graph() -> None:
    weight = torch.ones(1, requires_grad=True)
    loss = (weight * 3).sum()
    copy = scalar("loss", loss)
    with torch.no_grad():
        loss.add_(1)
    assert type(copy) is float
    assert copy == 3.0
    assert scalar("one", torch.tensor([[2.0]])) == 2.0
    assert scalar("count", torch.tensor(2)) == 2.0


def test_nothing_waits_for_a_tensor_of_another_device() -> None:
    elsewhere = torch.ones(1, requires_grad=True, device="meta").sum()  # reading a number from there is an error
    values = StepValues(roles_of(None))
    values.add({"loss": elsewhere, "share": 0.5}, 1.0, "mean")
    values.add({"loss": elsewhere}, 3.0, "mean")
    taken = values.take()
    assert isinstance(taken["train_loss"], torch.Tensor)
    assert taken["train_loss"].grad_fn is None
    assert taken["train_loss"].shape == ()
    assert (taken["share"], values.weight) == (0.5, 4.0)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (torch.tensor(0.5), 0.5),
        (torch.tensor([[2.0]], dtype=torch.float64), 2.0),
        (torch.nn.Parameter(torch.tensor(3.0)), 3.0),
        (torch.tensor(4), 4.0),
        (torch.tensor(True), 1.0),
        (6, 6.0),
    ],
)
def test_any_real_number_is_taken_as_a_float(value: object, number: float) -> None:
    values = StepValues(roles_of(None))
    values.add({"share": value}, 1.0, "mean")
    taken = values.take()["share"]
    assert type(taken) is float
    assert taken == number


@pytest.mark.parametrize("value", [torch.zeros(3), torch.zeros(0), torch.tensor(1j), "much"])
def test_what_is_no_real_number_is_refused_by_its_name(value: object) -> None:
    values = StepValues(roles_of(None))
    with pytest.raises(ValueError, match="share"):
        values.add({"share": value}, 1.0, "mean")
    assert not values


def test_names_with_a_role_and_names_as_given() -> None:
    values = StepValues(roles_of({"train_loss": "objective"}))
    for name in ("objective", "eval_loss", "my/thing", "accuracy"):
        values.add({name: 1.0}, 1.0, "mean")
    assert set(values.take()) == {"train_loss", "val_loss", "my/thing", "accuracy"}
    with pytest.raises(ValueError, match="no role"):
        roles_of({"test": "loss"})


@pytest.mark.parametrize("name", ["", " ", "a//b", "lr", "a\x1bb", "x" * 200, 3])
def test_a_bad_name_says_what_is_wrong(name: object) -> None:
    assert name_error(name)


def test_a_loss_that_is_nan_ends_nothing(script: Script) -> None:
    with script.monitor() as monitor:
        for step in monitor.steps(6):
            script.step(script.inputs, script.targets)
            monitor.log(loss=math.nan if step == 2 else 1.0)
    assert script.series("train_loss") == {1: 1.0, 2: 1.0, 3: None, 4: 1.0, 5: 1.0, 6: 1.0}
    assert [event["kind"] for event in script.events("LossBroke")] == ["nan"]
    assert script.events("RunFinished")[0]["reason"] == "completed"


def test_metrics_of_an_epoch_decide_the_best(script: Script) -> None:
    with script.monitor(best=("accuracy", "max"), patience=2) as monitor:
        for epoch in monitor.epochs(20):
            for inputs, targets in monitor.batches(script.loader):
                script.step(inputs, targets)
            monitor.log_epoch(val_loss=torch.tensor(0.5), accuracy=(0.1, 0.9, 0.2, 0.3, 0.99)[epoch])
    ended = script.events("EpochEnded")
    assert len(ended) == 4, "patience: two epochs without a better one"
    assert ended[-1]["best"] == {"epoch": 2, "step": 10, "metric": "accuracy", "value": 0.9}
    assert script.events("RunFinished")[0]["reason"] == "early-stopped"


def test_pictures_and_texts(script: Script) -> None:
    with script.monitor() as monitor:
        for _ in monitor.steps(1):
            script.step(script.inputs, script.targets)
            monitor.log_text("sample", "one\ntwo\x1b[31m")
            monitor.log_image("image", torch.rand(3, 200, 100))
            monitor.log_histogram("weights", torch.arange(100.0), bins=10)
            monitor.log_confusion("confusion", [[3, 1], [0, 4]], labels=["cat", "dog"])
    pictures = {event["name"]: event for event in script.events("PictureTaken")}
    assert len(pictures["image"]["data"]["rows"]) == 64
    assert pictures["confusion"]["data"]["values"] == [[3.0, 1.0], [0.0, 4.0]]
    assert pictures["weights"]["data"]["groups"][0]["values"] == [10.0] * 10
    assert any(event["lines"] and event["lines"][0] == "sample: one" for event in script.events("Logged"))


def test_mirrors_hold_what_the_journal_holds(script: Script) -> None:
    with script.monitor(mirror=("csv", "jsonl")) as monitor:
        for inputs, targets in monitor.batches(script.loader):
            monitor.log(loss=script.step(inputs, targets))
    with open(script.path / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {int(row["step"]): float(row["train_loss"]) for row in rows} == script.series("train_loss")
    assert len((script.path / "metrics.jsonl").read_text().splitlines()) == len(rows)
    with pytest.raises(ValueError, match="mirror='excel'"):
        script.monitor(mirror="excel")
