"""The runs of a set begin alike: the same data and, where the initialisation is the same, the same weights."""

from __future__ import annotations

import threading

import torch

from tests.support import tiny
from tui_trainer.config.run import RunConfig
from tui_trainer.engine.control import Control
from tui_trainer.engine.trainer import Trainer
from tui_trainer.engine.turns import train
from tui_trainer.protocol import events as ev


def trainers(*configs: RunConfig) -> tuple[list[Trainer], dict[str, list[ev.AnyEvent]], threading.Event]:
    wake = threading.Event()
    told: dict[str, list[ev.AnyEvent]] = {}
    made: list[Trainer] = []
    for place, config in enumerate(configs):
        name = f"set/{place}"
        trainer = Trainer(name, config, told.setdefault(name, []).append, Control(wake))
        trainer.set_up()
        made.append(trainer)
    for trainer in made:
        trainer.begin(None)
    return made, told, wake


def losses(events: list[ev.AnyEvent]) -> list[float | None]:
    return [value for event in events if isinstance(event, ev.Scalars) for value in event.values.get("train_loss", [])]


def test_a_set_shares_data_and_first_weights() -> None:
    made, _, _ = trainers(
        tiny(),
        tiny(data={"sampling": "full"}),
        tiny(data={"batch_size": 8}),
        tiny(optimizer={"kind": "adam", "lr": 0.01}),
        tiny(model={"init": "xavier-uniform"}),
    )
    first, *others, another_init = made
    for other in others:
        assert torch.equal(first.shop.data.train.inputs, other.shop.data.train.inputs)
        assert torch.equal(first.shop.data.validation.targets, other.shop.data.validation.targets)
        for one, same in zip(first.shop.parameters, other.shop.parameters, strict=True):
            assert torch.equal(one, same)
    assert torch.equal(first.shop.data.train.inputs, another_init.shop.data.train.inputs)
    assert not torch.equal(first.shop.parameters[0], another_init.shop.parameters[0])


def test_a_run_of_a_set_is_the_run_that_it_would_be_alone() -> None:
    configs = [tiny(), tiny(optimizer={"kind": "sgd", "lr": 0.01}), tiny(model={"hidden": [8], "dropout": 0.3})]
    made, together, wake = trainers(*configs)
    train(made, wake)
    for place, config in enumerate(configs):
        alone, told, other = trainers(config)
        train(alone, other)
        assert losses(together[f"set/{place}"]) == losses(told["set/0"])


def test_sixty_three_runs_take_turns_to_their_end() -> None:
    configs = [tiny(training={"epochs": 1, "seed": place % 9}) for place in range(63)]
    made, told, wake = trainers(*configs)
    train(made, wake)
    assert all(events[-1].type == "RunFinished" for events in told.values())
    assert all(trainer.exit_code == 0 for trainer in made)
