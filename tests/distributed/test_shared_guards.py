"""Guards while several processes train: all ranks fire at one step by the numbers of the whole batch."""

from __future__ import annotations

import math
import threading
from pathlib import Path

from tests.distributed.test_interventions import a_trainer
from tests.distributed.together import config_of, in_ranks, largest_difference, weights_of
from tui_trainer.config.guards.preset_guard import PresetGuard
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.ranks.channel import GlooChannel
from tui_trainer.engine.ranks.ranks import JoinedRanks
from tui_trainer.engine.trainer import Trainer
from tui_trainer.guards.watch import Measurements
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

RULES = (
    "when loss > 1.3 x its lowest of 10 steps: lr x0.9, at most 3 times, then nothing, cool-down 10 steps",
    "when step >= 20 and grad_norm > 0.1: roll back 5 steps, lr x0.8, at most 2 times, then nothing, cool-down 8 steps",
    "when loss > 1.1 x its lowest of 4 steps: skip the step, at most 3 times, then nothing",
    "when val_loss has no new low for 1 epoch: clip = 0.7, at most 1 time",
    'when val_accuracy > 0.8: note "good", at most 1 time',
)
CONFIG = config_of(
    "model.hidden=[16]", "model.dropout=0", "optimizer.kind=sgd", "optimizer.lr=0.3", "scheduler.kind=constant",
    "training.epochs=5", "early_stopping.enabled=false", "data.batch_size=96",
).model_copy(update={"guards": tuple(PresetGuard(rule=rule) for rule in RULES)})  # fmt: skip


def effects(told: list[ev.AnyEvent]) -> list[tuple[int, str, str]]:
    """Return the step, the type and the reason of each command of a guard that took effect."""
    causes = [(event.step, event.cause) for event in told if event.cause is not None and event.cause.by == cmd.GUARD]
    return [(step, cause.type, cause.because.partition(": ")[0]) for step, cause in causes]


def firings(told: list[ev.AnyEvent]) -> list[tuple[str, int]]:
    return [(event.fired, event.step) for event in told if isinstance(event, ev.GuardsChanged) and event.fired]


def trained(trainer: Trainer, told: list[ev.AnyEvent]) -> tuple[list[list[float]], list[ev.AnyEvent]]:
    trainer.begin(None)
    for _ in trainer.run():
        pass
    return weights_of(trainer), told


def test_all_ranks_fire_at_the_steps_of_one_process(tmp_path: Path) -> None:
    def guarded(channel: GlooChannel) -> tuple[list[list[float]], list[ev.AnyEvent]]:
        told: list[ev.AnyEvent] = []
        return trained(a_trainer(CONFIG, channel, told), told)

    results = in_ranks(2, tmp_path, guarded)
    told: list[ev.AnyEvent] = []
    alone = Trainer("run", CONFIG, told.append, CommandQueue(threading.Event()))
    alone.set_up()
    expected, _ = trained(alone, told)
    assert {name for name, _ in firings(told)} >= {"guard-1", "guard-2", "guard-3", "guard-5"}
    assert {kind for _, kind, _ in effects(told)} >= {"SetLearningRate", "RollBack", "SkipStep", "Note"}
    for weights, events in results:
        assert firings(events) == firings(told)
        assert effects(events) == effects(told)
        assert weights == results[0][0]
        assert largest_difference(expected, weights) < 1e-4


def test_a_replay_arms_no_guards_on_any_rank(tmp_path: Path) -> None:
    """Rank 0 alone knows that it is one; a rank that compared losses would wait for the others."""

    def replayed(channel: GlooChannel) -> tuple[list[list[float]], int]:
        told: list[ev.AnyEvent] = []
        trainer = a_trainer(CONFIG, channel, told)
        if channel.rank == 0:
            trainer.repeat([(20, cmd.SkipStep(id="skip")), (30, cmd.SetLearningRate(factor=0.5, id="half"))])
        weights, told = trained(trainer, told)
        assert not firings(told)
        return weights, len({event.cause.id for event in told if event.cause is not None})

    first, second = in_ranks(2, tmp_path, replayed)
    assert first == second
    assert first[1] == 2


def test_all_ranks_decide_by_what_rank_0_found(tmp_path: Path) -> None:
    def agreed(channel: GlooChannel) -> Measurements:
        found = frozenset({"LR_HIGH", "STUCK"}) if channel.rank == 0 else frozenset[str]()
        mine = Measurements("epochs", 40, 2, {"val_loss": math.nan, "train_loss": 0.1 + channel.rank}, found)
        return JoinedRanks(channel).agree_on(mine)

    for measured in in_ranks(2, tmp_path, agreed):
        assert (measured.at, measured.step, measured.epoch) == ("epochs", 40, 2)
        assert measured.findings == {"LR_HIGH", "STUCK"}
        assert measured.values["train_loss"] == 0.1
        assert math.isnan(measured.values["val_loss"])
