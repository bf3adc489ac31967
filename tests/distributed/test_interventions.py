"""Commands while several processes train: obeyed by all at one step, and repeated by a replay to the bit."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.distributed.together import config_of, in_ranks, weights_of
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing.restore import restore_last
from tui_trainer.engine.checkpointing.save import save_run
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.ranks.channel import GlooChannel
from tui_trainer.engine.ranks.ranks import JoinedRanks
from tui_trainer.engine.trainer import Trainer
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import RunDir

CONFIG = config_of("model.hidden=[16]", "training.epochs=16", "early_stopping.enabled=false", "data.batch_size=96")


def a_trainer(config: RunConfig, channel: GlooChannel, told: list[ev.AnyEvent]) -> Trainer:
    commands = CommandQueue(threading.Event())
    trainer = Trainer("run", config, told.append, commands, ranks=JoinedRanks(channel))
    trainer.set_up()
    return trainer


def losses_of(told: list[ev.AnyEvent]) -> dict[int, float | None]:
    """Return the last loss that was published for each step."""
    return {
        step: loss
        for event in told
        if isinstance(event, ev.Scalars) and "train_loss" in event.values
        for step, loss in zip(event.steps, event.values["train_loss"], strict=True)
    }


def interventions_of(told: list[ev.AnyEvent]) -> list[tuple[int, cmd.AnyCommand]]:
    """Return the commands that took effect, with the steps at which they did."""
    script: list[tuple[int, cmd.AnyCommand]] = []
    for event in told:
        if event.cause is None or isinstance(event, ev.Refused):
            continue
        if isinstance(event, ev.RolledBack) and event.restored is not None:
            script = script[:-1]
        elif cmd.is_intervention(event.cause) and event.cause.id not in {one.id for _, one in script}:
            script.append((event.step, event.cause))
    return script


KINDS = ("rate", "factor", "clip", "dropout", "decay", "optimizer", "pause", "undo", "validate")


def a_command(kind: str, draw: random.Random, name: str) -> cmd.AnyCommand:
    match kind:
        case "rate":
            return cmd.SetLearningRate(value=draw.uniform(1e-4, 1e-2), id=name)
        case "factor":
            return cmd.SetLearningRate(factor=draw.choice((0.5, 0.9, 1.2)), id=name)
        case "clip":
            return cmd.SetClip(value=draw.uniform(0.1, 2.0), id=name)
        case "dropout":
            return cmd.SetKnob(name="dropout", value=draw.uniform(0.0, 0.5), id=name)
        case "decay":
            return cmd.SetKnob(name="weight_decay", value=draw.uniform(0.0, 0.1), id=name)
        case "optimizer":
            optimizer = {"kind": "adam", "lr": draw.uniform(1e-4, 5e-3)}
            return cmd.SetOptimizer.model_validate({"optimizer": optimizer, "named": ["kind", "lr"], "id": name})
        case "pause":
            return cmd.Pause(id=name)
        case "undo":
            return cmd.Undo(id=name)
        case _:
            return cmd.Evaluate(id=name)


def commands(seed: int, count: int) -> list[cmd.AnyCommand]:
    draw = random.Random(seed)
    return [a_command(draw.choice(KINDS), draw, f"c{number}") for number in range(count)]


def steered(channel: GlooChannel, seed: int) -> tuple[list[list[float]], list[ev.AnyEvent]]:
    told: list[ev.AnyEvent] = []
    trainer = a_trainer(CONFIG, channel, told)
    trainer.begin(None)
    waiting = commands(seed, 20) if channel.rank == 0 else []
    for trained in trainer.run():
        if channel.rank == 0 and not trained:
            trainer.submit(cmd.Resume())
        elif waiting and trainer.state.step % 8 == 5:
            trainer.submit(waiting.pop())
    return weights_of(trainer), told


def replayed(channel: GlooChannel, script: list[tuple[int, cmd.AnyCommand]]) -> tuple[list[list[float]], Any]:
    told: list[ev.AnyEvent] = []
    trainer = a_trainer(CONFIG, channel, told)
    if channel.rank == 0:  # rank 0 alone knows them
        trainer.follow(script)
    trainer.begin(None)
    for _ in trainer.run():
        pass
    return weights_of(trainer), losses_of(told)


@pytest.mark.parametrize("size", [2, pytest.param(4, marks=pytest.mark.long)])
def test_twenty_interventions_and_their_replay(size: int, tmp_path: Path) -> None:
    results = in_ranks(size, tmp_path, lambda channel: steered(channel, seed=size))
    assert all(weights == results[0][0] for weights, _ in results)
    told = results[0][1]
    effects = [[(event.step, event.cause.id) for event in events if event.cause is not None] for _, events in results]
    assert all(each == effects[0] for each in effects)
    assert len({number for _, number in effects[0] if number.startswith("c")}) == 20

    again = in_ranks(size, tmp_path, lambda channel: replayed(channel, interventions_of(told)))

    assert again[0][1] == losses_of(told)
    assert all(weights == results[0][0] for weights, _ in again)


def test_a_run_that_is_resumed_by_as_many_ranks_goes_on_to_the_bit(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update={"epochs": 4})})
    folder = RunDir(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)

    def whole(channel: GlooChannel) -> tuple[list[list[float]], Any]:
        told: list[ev.AnyEvent] = []
        trainer = a_trainer(config, channel, told)
        trainer.begin(None)
        for _ in trainer.run():
            pass
        return weights_of(trainer), trainer.state.last_metrics

    def first(channel: GlooChannel) -> None:
        trainer = a_trainer(config, channel, [])
        folder.claim = lambda: None  # type: ignore[method-assign]
        trainer.begin(folder)
        for _ in trainer.run():
            if trainer.state.step == 20:  # in the middle of an epoch
                save_run(trainer.state, trainer.services)
                return

    def second(channel: GlooChannel) -> tuple[list[list[float]], Any]:
        trainer = a_trainer(config, channel, [])
        restore_last(trainer.state, trainer.services, folder.checkpoints)
        assert trainer.state.step == 20
        trainer.begin(None)
        for _ in trainer.run():
            pass
        return weights_of(trainer), trainer.state.last_metrics

    expected = in_ranks(2, tmp_path, whole)
    in_ranks(2, tmp_path, first)
    assert in_ranks(2, tmp_path, second) == expected
