"""The bound step: every bit as `Optimizer.step` has it, through saving, loading and parameters without a gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.engine.fast_path.fused_step import bind_step
from tui_trainer.optim.paired import Pair

CASES: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {"lr": 0.1}),
    "momentum": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}),
    "nesterov": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "adam": (torch.optim.Adam, {"lr": 0.01}),
    "amsgrad": (torch.optim.Adam, {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1}),
    "adamw": (torch.optim.AdamW, {"lr": 0.01, "betas": (0.8, 0.95)}),
}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))


def gradients(model: nn.Module, step: int, skip: int = -1) -> None:
    generator = torch.Generator().manual_seed(step)
    for place, parameter in enumerate(model.parameters()):
        parameter.grad = None if place == skip else torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("name", CASES)
def test_every_bit_is_that_of_the_optimizers_own_step(name: str) -> None:
    kind, options = CASES[name]
    ours, theirs = network(), network()
    mine, other = (kind(model.parameters(), fused=True, **options) for model in (ours, theirs))
    step = bind_step(mine)
    assert step != mine.step
    for number in range(20):
        # torch's own fused SGD breaks on a parameter whose first gradient comes later than the others'.
        skip = 1 if number == 9 or (number == 0 and kind is not torch.optim.SGD) else -1
        gradients(ours, number, skip)
        gradients(theirs, number, skip)
        for group in (*mine.param_groups, *other.param_groups):
            group["lr"] = options["lr"] / (number + 1)
        step()
        other.step()
        if number == 12:  # as a roll-back does
            mine.load_state_dict(copied(mine.state_dict()))
            other.load_state_dict(copied(other.state_dict()))
    for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, two)
    for one, two in zip(mine.state.values(), other.state.values(), strict=True):
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("fused", [False, None])
def test_what_has_no_fused_kernel_keeps_its_own_step(fused: bool | None) -> None:
    model = network()
    for optimizer in (torch.optim.Adam(model.parameters(), fused=fused), torch.optim.RMSprop(model.parameters())):
        assert bind_step(optimizer) == optimizer.step
    matrices, vectors = ([p for p in model.parameters() if p.ndim == n] for n in (2, 1))
    pair = Pair(torch.optim.Muon(matrices), torch.optim.AdamW(vectors))
    assert bind_step(pair) == pair.step


def test_parameters_of_several_types_keep_the_optimizers_own_step() -> None:
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2, dtype=torch.float64))]
    optimizer = torch.optim.SGD(parameters, fused=True)
    assert bind_step(optimizer) == optimizer.step
