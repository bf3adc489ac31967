"""The runs of a set begin alike: the same data and, where the initialisation is the same, the same weights."""

from __future__ import annotations

import threading

import torch

from tests.support import tiny_config
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.multi_run import train_runs
from tui_trainer.engine.trainer import Trainer
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Pause, Resume


def trainers(*configs: RunConfig) -> tuple[list[Trainer], dict[str, list[ev.AnyEvent]], threading.Event]:
    wake = threading.Event()
    told: dict[str, list[ev.AnyEvent]] = {}
    made: list[Trainer] = []
    for place, config in enumerate(configs):
        name = f"set/{place}"
        trainer = Trainer(name, config, told.setdefault(name, []).append, CommandQueue(wake))
        trainer.set_up()
        made.append(trainer)
    for trainer in made:
        trainer.begin(None)
    return made, told, wake


def losses(events: list[ev.AnyEvent]) -> list[float | None]:
    return [value for event in events if isinstance(event, ev.Scalars) for value in event.values.get("train_loss", [])]


def test_a_set_shares_data_and_first_weights() -> None:
    made, _, _ = trainers(
        tiny_config(),
        tiny_config(data={"sampling": "full"}),
        tiny_config(data={"batch_size": 8}),
        tiny_config(optimizer={"kind": "adam", "lr": 0.01}),
        tiny_config(model={"init": "xavier-uniform"}),
    )
    first, *others, another_init = made
    for other in others:
        assert torch.equal(first.services.setup.data.train.inputs, other.services.setup.data.train.inputs)
        assert torch.equal(first.services.setup.data.validation.targets, other.services.setup.data.validation.targets)
        for one, same in zip(first.services.setup.parameters, other.services.setup.parameters, strict=True):
            assert torch.equal(one, same)
    assert torch.equal(first.services.setup.data.train.inputs, another_init.services.setup.data.train.inputs)
    assert not torch.equal(first.services.setup.parameters[0], another_init.services.setup.parameters[0])


def test_a_run_of_a_set_is_the_run_that_it_would_be_alone() -> None:
    configs = [
        tiny_config(),
        tiny_config(optimizer={"kind": "sgd", "lr": 0.01}),
        tiny_config(model={"hidden": [8], "dropout": 0.3}),
    ]
    made, together, wake = trainers(*configs)
    train_runs(made, wake)
    for place, config in enumerate(configs):
        alone, told, other = trainers(config)
        train_runs(alone, other)
        assert losses(together[f"set/{place}"]) == losses(told["set/0"])


def test_sixty_three_runs_take_turns_to_their_end() -> None:
    configs = [tiny_config(training={"epochs": 1, "seed": place % 9}) for place in range(63)]
    made, told, wake = trainers(*configs)
    train_runs(made, wake)
    assert all(events[-1].type == "RunFinished" for events in told.values())
    assert all(trainer.state.exit_code == 0 for trainer in made)


def _ended(told: dict[str, list[ev.AnyEvent]]) -> list[int]:
    """How many epochs each run has ended."""
    return [sum(isinstance(event, ev.EpochEnded) for event in events) for events in told.values()]


def test_runs_with_few_and_with_many_steps_in_an_epoch_grow_side_by_side() -> None:
    """One step, 5 and 96 in an epoch: whenever one of them ends an epoch, the others are in it or have ended it too."""
    configs = [tiny_config(data={"sampling": "full"}), tiny_config(), tiny_config(data={"batch_size": 1})]
    made, told, wake = trainers(*configs)
    apart: list[int] = []
    for trainer in made:
        trainer.events.subscribe(lambda event: apart.append(max(_ended(told)) - min(_ended(told))))
    train_runs(made, wake)
    assert _ended(told) == [4, 4, 4]
    assert max(apart) == 1
    for place, config in enumerate(configs):
        alone, said, other = trainers(config)
        train_runs(alone, other)
        assert losses(told[f"set/{place}"]) == losses(said["set/0"])


def test_a_run_that_was_paused_goes_on_without_holding_the_others_up() -> None:
    made, told, wake = trainers(*[tiny_config(training={"epochs": 40})] * 2)
    late, other = made
    late.follow([(3, Pause(by="a test"))])
    at: list[int] = []

    def resume_the_other(event: ev.AnyEvent) -> None:
        if isinstance(event, ev.EpochEnded) and event.epoch == 20:
            late.commands.put(Resume(by="a test"))
        if isinstance(event, ev.EpochEnded) and event.epoch == 40:
            at.append(late.state.epoch)

    other.events.subscribe(resume_the_other)
    train_runs(made, wake)
    assert _ended(told) == [40, 40]
    assert 18 <= at[0] <= 22
    assert losses(told["set/0"]) == losses(told["set/1"])
