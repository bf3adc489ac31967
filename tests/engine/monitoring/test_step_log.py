"""Numbers that a user's own model logs: means of a step, counters, names, undo and resume."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import tui_trainer
from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.monitoring.step_log import StepLog, read


class LoggingNet(nn.Module):
    """Logs the mean of its batch twice, half of it the second time, a constant, and its samples."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, batch: Tensor) -> Tensor:
        outputs = self.linear(batch)
        tui_trainer.log("out/mean", outputs.mean())
        tui_trainer.log("out/mean", 0.0 * outputs.sum())
        tui_trainer.log("out/constant", 3)
        tui_trainer.log("axis/images", len(batch))
        return outputs


def logging_net(inputs: tuple[int, ...], outputs: int) -> nn.Module:
    return LoggingNet(inputs[0], outputs)


def bad_net(inputs: tuple[int, ...], outputs: int) -> nn.Module:
    net = nn.Linear(inputs[0], outputs)
    net.register_forward_hook(lambda *_: tui_trainer.log("val_loss", 1.0))
    return net


def bench(path: str = "logging_net") -> TrainerHarness:
    return TrainerHarness(tiny_config(model={"kind": "import", "path": f"{__name__}:{path}"}))


def test_what_a_model_logs_is_a_series_of_means_per_step():
    run = bench()
    model = run.trainer.services.setup.model
    expected: dict[int, float] = {}
    inner = model.linear.forward

    def spy(batch: Tensor) -> Tensor:
        outputs = inner(batch)
        if model.training:
            expected.setdefault(run.trainer.state.step + 1, outputs.mean().item() / 2)
        return outputs

    model.linear.forward = spy
    run.finish()
    assert run.column("out/mean") == pytest.approx(expected)
    assert list(run.column("out/mean")) == list(range(1, 21))
    assert set(run.column("out/constant").values()) == {3.0}
    assert list(run.column("axis/images").values())[:6] == [20, 40, 60, 80, 96, 116]
    assert run.state.series["axis/images"].last == 4 * 96


def test_logging_changes_no_bit_of_the_training(monkeypatch):
    first = bench()
    first.finish()
    monkeypatch.setattr(tui_trainer, "log", lambda *_: None)
    second = bench()
    second.finish()
    assert first.column("train_loss") == second.column("train_loss")
    assert not second.column("out/mean")


def test_counters_go_on_from_a_checkpoint():
    run = bench()
    run.steps(7)
    run.flush()
    tree = run.state_dict()
    assert tree["progress"]["counters"] == {"axis/images": 96 + 40}
    later = bench()
    later.load_state_dict(tree)
    later.finish()
    assert min(later.column("axis/images")) == 8
    assert later.state.series["axis/images"].last == 4 * 96


def test_a_run_without_counters_saves_none():
    run = TrainerHarness(tiny_config())
    run.steps(2)
    assert "counters" not in run.state_dict()["progress"]


def test_a_name_of_the_program_ends_the_step_with_a_reason():
    with pytest.raises(ValueError, match=r"is a name of the program.s own; add a group, such as my/val_loss"):
        bench("bad_net").steps(1)
    tui_trainer.log("val_loss", 1.0)  # outside of a step nothing is recorded, also after one that failed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "not empty"),
        ("a" * 121, "121 characters"),
        ("red/\x1b[31m", "cannot be printed"),
        ("a//b", "empty part"),
        ("lr", "name of the program's own"),
        ("system/memory", "the group 'system'"),
        ("class/3/recall", "the group 'class'"),
        ("shifted/loss", "the group 'shifted'"),
        ("shifted/class/3", "the group 'shifted/class'"),
    ],
)
def test_bad_names_are_refused(name: str, message: str):
    with pytest.raises(ValueError, match=message):
        StepLog({"shifted"})(name, 1.0)


@pytest.mark.parametrize("value", [torch.zeros(2), "3", None, torch.zeros((), dtype=torch.complex64)])
def test_only_single_numbers_are_taken(value: object):
    with pytest.raises(ValueError, match="log"):
        StepLog()("a/b", value)


def test_a_tensor_is_copied_when_it_is_logged():
    log, value = StepLog(), torch.ones(1, requires_grad=True)
    log("a/b", value)
    with torch.no_grad():
        value += 5
    taken = log.take()
    assert isinstance(taken["a/b"], Tensor)
    assert not taken["a/b"].requires_grad
    assert read([taken["a/b"], 2, torch.tensor(7), torch.tensor(0.5, dtype=torch.float64)]) == [1.0, 2.0, 7.0, 0.5]
    assert not log


def test_values_that_are_not_finite_are_gaps_and_no_end():
    log = StepLog()
    log("a/b", math.nan)
    assert math.isnan(read(list(log.take().values()))[0])
