"""A model that is shared out over the ranks (`fully_shard`): weights, saves, and what is refused."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo
import torch.distributed.checkpoint.hf_storage
import torch.distributed.fsdp
import torch.distributed.tensor
from safetensors.torch import load_file
from torch import nn

from tests.distributed.together import config_of, in_ranks, largest_difference, train
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing.file_format import BadCheckpoint, load
from tui_trainer.engine.checkpointing.restore import restore_last
from tui_trainer.engine.checkpointing.save import save_run
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.ranks.channel import GlooChannel
from tui_trainer.engine.ranks.ranks import JoinedRanks
from tui_trainer.engine.ranks.refusals import check_shared
from tui_trainer.engine.ranks.sharding import _blocks  # pyright: ignore[reportPrivateUsage]
from tui_trainer.engine.trainer import Trainer
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import RunDir

PLAIN = (
    "model.dropout=0",
    "model.hidden=[25]",
    "early_stopping.enabled=false",
    "scheduler.kind=constant",
    "data.batch_size=67",
    "training.clip_grad_norm=0.7",
)
SHARDED = (*PLAIN, "training.sharding=fully-shard")


def whole_weights(trainer: Trainer) -> list[list[float]]:
    """Return all numbers of the model; every rank calls this."""
    values: list[Any] = list(trainer.services.setup.model.state_dict().values())
    whole = [value.full_tensor() if hasattr(value, "full_tensor") else value for value in values]
    return [value.double().flatten().tolist() for value in whole]


def a_trainer(config: RunConfig, channel: GlooChannel, told: list[ev.AnyEvent]) -> Trainer:
    trainer = Trainer("run", config, told.append, CommandQueue(threading.Event()), ranks=JoinedRanks(channel))
    trainer.set_up()
    return trainer


def one_process(config: RunConfig, told: list[ev.AnyEvent]) -> Trainer:
    return Trainer("run", config, told.append, CommandQueue(threading.Event()))


def norms_of(told: list[ev.AnyEvent]) -> list[float | None]:
    return [
        norm
        for event in told
        if isinstance(event, ev.Scalars)
        for norm in event.values.get("grad_norm", [])
        if norm is not None
    ]


def a_folder(path: Path) -> RunDir:
    folder = RunDir(path)
    folder.checkpoints.mkdir(parents=True)
    folder.claim = lambda: None  # type: ignore[method-assign]
    return folder


@pytest.mark.parametrize(
    ("size", "epochs", "kind", "lr", "most"),
    [
        pytest.param(2, 9, "sgd", 0.1, 1e-6, marks=pytest.mark.long),
        pytest.param(2, 9, "adam", 0.003, 1e-5, marks=pytest.mark.long),
        pytest.param(4, 9, "adamw", 0.003, 1e-5, marks=pytest.mark.long),
        pytest.param(3, 2, "rmsprop", 0.001, 1e-5, marks=pytest.mark.long),
    ],
)
def test_weights_equal_those_of_one_process(
    size: int, epochs: int, kind: str, lr: float, most: float, tmp_path: Path
) -> None:
    changes = (f"optimizer.kind={kind}", f"optimizer.lr={lr}", f"training.epochs={epochs}")
    told: list[ev.AnyEvent] = []
    alone = Trainer("run", config_of(*PLAIN, *changes), told.append, CommandQueue(threading.Event()))
    alone.set_up()
    alone.begin(None)
    for _ in alone.run():
        pass
    assert alone.state.step == 22 * epochs

    def work(channel: GlooChannel) -> tuple[list[list[float]], Any, list[float | None], int, int]:
        told: list[ev.AnyEvent] = []
        trainer = a_trainer(config_of(*SHARDED, *changes), channel, told)
        parts: list[Any] = trainer.services.setup.parameters
        own = sum(part.to_local().numel() for part in parts)
        trainer.begin(None)
        for _ in trainer.run():
            pass
        return whole_weights(trainer), trainer.state.last_metrics, norms_of(told), own, sum(p.numel() for p in parts)

    results = in_ranks(size, tmp_path, work)

    for weights, metrics, norms, own, count in results:
        assert weights == results[0][0]
        assert metrics == pytest.approx(alone.state.last_metrics, rel=1e-4)
        assert norms == pytest.approx(norms_of(told), rel=1e-3)
        assert own < 1.2 * count / size  # no rank holds the whole
    assert sum(own for *_, own, _ in results) == results[0][4]
    own_weights = [value.double().flatten().tolist() for value in alone.services.setup.model.state_dict().values()]
    assert largest_difference(own_weights, results[0][0]) <= most


def test_a_save_is_whole_tensors_that_any_number_of_ranks_resumes(tmp_path: Path) -> None:
    length = ("training.epochs=4", "training.accumulate=2", "data.batch_size=200")  # 4 steps an epoch
    config = config_of(*SHARDED, *length)
    folder = a_folder(tmp_path / "run")

    def whole(channel: GlooChannel) -> list[list[float]]:
        return whole_weights(run_to_end(a_trainer(config, channel, [])))

    def run_to_end(trainer: Trainer) -> Trainer:
        trainer.begin(None)
        for _ in trainer.run():
            pass
        return trainer

    def first(channel: GlooChannel) -> list[list[float]]:
        trainer = a_trainer(config, channel, [])
        trainer.begin(folder)
        for _ in trainer.run():
            if trainer.state.step in (2, 4, 9):
                save_run(trainer.state, trainer.services)
            if trainer.state.step == 9:  # in the middle of an epoch
                return whole_weights(trainer)
        raise AssertionError

    def second(channel: GlooChannel) -> list[list[float]]:
        told: list[ev.AnyEvent] = []
        trainer = a_trainer(config, channel, told)
        restore_last(trainer.state, trainer.services, folder.checkpoints)
        assert trainer.state.step == 9
        lines = [line for event in told if isinstance(event, ev.Logged) for line in event.lines]
        assert any(f"resumed by {channel.size} processes, saved by 2" in line for line in lines) == (channel.size != 2)
        return whole_weights(run_to_end(trainer))

    expected = in_ranks(2, tmp_path, whole)
    at_9 = in_ranks(2, tmp_path, first)[0]
    assert in_ranks(2, tmp_path, second) == expected  # to the bit
    assert largest_difference(in_ranks(3, tmp_path, second)[0], expected[0]) <= 1e-5

    folders = sorted(path.name for path in folder.checkpoints.glob("sharded-*"))
    assert [name.split("-")[1] for name in folders] == ["4", "9", "9"]  # last before, last, best
    files = folder.checkpoints / "sharded-9-1"
    assert sorted(path.name for path in files.glob("*.safetensors")) == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]
    saved = load_file(files / "model-00001-of-00002.safetensors")
    assert [
        saved[name].double().flatten().tolist() for name in load(folder.checkpoints / "last.safetensors")["model"]
    ] == at_9

    told: list[ev.AnyEvent] = []
    alone = one_process(config_of(*PLAIN, *length), told)
    alone.set_up()
    restore_last(alone.state, alone.services, folder.checkpoints)
    said = [line for event in told if isinstance(event, ev.Logged) for line in event.lines]
    assert any(line.startswith("resumed by 1 process, saved by 2: the run goes on, but not exactly") for line in said)
    assert largest_difference(whole_weights(run_to_end(alone)), expected[0]) <= 1e-5

    file = files / "model-00002-of-00002.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(BadCheckpoint, match=r"model-00002-of-00002\.safetensors: altered or torn"):
        load(folder.checkpoints / "last.safetensors")
    shutil.rmtree(files)
    with pytest.raises(BadCheckpoint, match="is missing"):
        load(folder.checkpoints / "last.safetensors")


def test_commands_of_a_sharded_run(tmp_path: Path) -> None:
    config = config_of(*SHARDED, "training.epochs=4", "early_stopping.restore_best=true")
    folder = a_folder(tmp_path / "run")
    script = {
        5: cmd.SaveCheckpoint(name="kept", id="save"),
        8: cmd.SetLearningRate(value=0.05, id="rate"),
        12: cmd.Undo(id="undo"),
        14: cmd.SetOptimizer.model_validate(
            {"optimizer": {"kind": "adamw", "lr": 1e-3}, "named": ["kind", "lr"], "id": "optimizer"}
        ),
        16: cmd.SetOptimizer.model_validate(
            {"optimizer": {"kind": "adafactor", "lr": 1e-3}, "named": ["kind", "lr"], "id": "adafactor"}
        ),
        18: cmd.RollBack(to="kept", id="roll"),
        30: cmd.FindRate(steps=10, id="find"),
        33: cmd.ShowAnswers(id="answers"),
        70: cmd.RollBack(to="best", id="best"),
    }

    def work(channel: GlooChannel, follow: Any = None) -> tuple[list[list[float]], list[tuple[int, str, str]], Any]:
        told: list[ev.AnyEvent] = []
        trainer = a_trainer(config, channel, told)
        if follow is not None and channel.rank == 0:
            trainer.follow(follow)
        trainer.begin(folder)
        waiting = dict(script) if follow is None else {}
        for _ in trainer.run():
            if channel.rank == 0 and (step := min(waiting, default=999)) <= trainer.state.step:
                trainer.submit(waiting.pop(step))
        answers = [(event.step, event.type, event.cause.id) for event in told if event.cause is not None]
        taken = [(event.step, event.cause) for event in told if event.cause is not None]
        refused = [(event.cause.id, event.reason) for event in told if isinstance(event, ev.Refused) and event.cause]
        return whole_weights(trainer), answers, (taken, refused)

    results = in_ranks(2, tmp_path, work)

    assert results[0][0] == results[1][0]
    assert [each for each in results[0][1] if each[2] != "save"] == results[1][1]
    kinds = {name: kind for _, kind, name in results[0][1]}
    assert kinds == {
        "save": "CheckpointSaved", "rate": "SettingChanged", "undo": "RolledBack", "optimizer": "OptimizerChanged",
        "adafactor": "Refused", "roll": "RolledBack", "find": "RateFound", "answers": "Refused", "best": "RolledBack",
    }  # fmt: skip
    refused = dict(results[0][2][1])
    assert "adafactor needs whole matrices" in refused["adafactor"]
    assert "no rank holds the whole of it" in refused["answers"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("optimizer.kind=muon", "muon needs whole matrices, of which a rank holds a part: choose one of adadelta"),
        ("training.average=0.9", "no average of the weights is kept"),
        ("training.precision=float16", "choose bfloat16 or float32"),
    ],
)
def test_what_cannot_be_sharded_is_refused(change: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        check_shared(config_of("training.sharding=fully-shard", change), 2)


def test_one_process_ignores_it() -> None:
    first = train(config_of(*PLAIN, "training.epochs=1"))
    second = train(config_of(*SHARDED, "training.epochs=1"))
    assert whole_weights(first) == whole_weights(second)


def test_blocks_of_a_model() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU())

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(3, 2)
            self.blocks = nn.ModuleList(Block() for _ in range(3))
            self.head = nn.Linear(2, 3)

    model = Model()
    assert _blocks(model) == list(model.blocks)
    model.head.weight = model.embedding.weight
    assert _blocks(model) == []
    line = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    assert _blocks(line) == [line[0], line[2]]
    assert torch.equal(line(torch.zeros(1, 2)), line(torch.zeros(1, 2)))
