"""From a description to the real thing: data on the device, a model, what it minimises, and what steps it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.config.run_config import RunConfig
from tui_trainer.data.types import Data, Split
from tui_trainer.engine.batches import Batches, seeded
from tui_trainer.engine.device import choose
from tui_trainer.engine.fast_path import cuda_graphs
from tui_trainer.engine.fast_path.manual_mlp import ManualMlp, manual_mlp_for
from tui_trainer.engine.monitoring.layer_stats import Layers, layers_of
from tui_trainer.engine.rng import States, seeded_states
from tui_trainer.errors import UserError
from tui_trainer.nn.objectives import Objective

_INIT, _DROPOUT = 1, 2
"""Streams drawn from one seed, apart from the order of the samples."""

SMALL = 200_000
"""Parameters below which one thread is faster than several: on a busy machine by more than ten times."""

PRECISIONS = {"float32": None, "float64": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(slots=True)
class TrainingSetup:
    """Everything that one run trains with."""

    device: torch.device
    data: Data
    batches: Batches
    model: nn.Module
    objective: Objective
    forward: Callable[[Tensor], Tensor]
    """The model as it is called while training: compiled or as graphs, where that was asked for and works."""
    passes: ManualMlp | None
    """Forward and backward pass without autograd, to the same bits, where the model is plain enough for them."""
    autocast: AbstractContextManager[Any]
    """Mixed precision around the forward pass; does nothing in float32."""
    scaler: torch.amp.GradScaler | None
    """Scales the loss of a float16 run, so that small gradients survive."""
    layers: Layers
    rng: States
    """States of torch's own generators for this run: dropout draws from them."""

    @property
    def again(self) -> Callable[[Tensor], Tensor]:
        """The same for a pass beside the one of the step, or one that is differentiated twice: a graph has one set of
        outputs, which the next pass overwrites, and its gradient has none."""
        return self.model if isinstance(self.forward, cuda_graphs.GraphedModel) else self.forward

    @property
    def parameters(self) -> list[nn.Parameter]:
        """What is trained."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]


def set_up(config: RunConfig, log: Callable[[str], None]) -> TrainingSetup:
    """Build what the configuration describes.

    Args:
        log: takes a line about something that was asked for and is not possible here.

    Raises:
        UserError: the device, the data or a combination of parts is not possible; nothing has been written.
    """
    training = config.training
    device = choose(training.device)
    wide = training.precision == "float64"
    if wide and device.type == "mps":
        raise UserError("training.precision: MPS has no float64: choose training.device=cpu, or float32")
    data = config.data.build(training.seed, wide=wide)
    config.model.check(data.shape)
    outputs = config.loss.outputs(data.shape)
    model = config.model.build(data.shape, outputs, seeded(training.seed, _INIT))
    model = model.to(device, torch.float64 if wide else torch.float32)
    _use_threads(training.threads, device, model)
    objective = config.loss.build(data.shape)
    dtype = PRECISIONS[training.precision]
    if dtype is torch.float16 and device.type == "cpu":
        raise UserError("training.precision: float16 needs an accelerator; on the CPU choose bfloat16 or float32")
    train = _moved(data.train, device)
    test = _moved(data.test, device) if data.test is not None else None
    data = replace(data, train=train, validation=_moved(data.validation, device), test=test)
    batches = Batches(train, config.data.batch_size, config.data.sampling, training.seed)
    # What was cast once cannot be kept from one call to the next where a graph replays the casting.
    kept = not training.cuda_graphs
    autocast = torch.autocast(device.type, dtype=dtype, cache_enabled=kept) if dtype is not None else nullcontext()
    forward = _forward(config, model, train.inputs, batches.size, autocast, log)
    plain = forward is model and device.type == "cpu" and dtype is None
    sample = train.inputs[: batches.size], train.targets[: batches.size]
    return TrainingSetup(
        device=device,
        data=data,
        batches=batches,
        model=model,
        objective=objective,
        forward=forward,
        passes=manual_mlp_for(model, objective, *sample) if plain else None,
        autocast=autocast,
        scaler=torch.amp.GradScaler(device.type) if dtype is torch.float16 else None,
        layers=layers_of(model),
        rng=seeded_states(device, _stream(training.seed, _DROPOUT)),
    )


def _use_threads(wanted: int, device: torch.device, model: nn.Module) -> None:
    """Set the threads of one operation. Those of a small model wait longer for each other than they compute."""
    small = sum(parameter.numel() for parameter in model.parameters()) < SMALL
    if wanted:
        torch.set_num_threads(wanted)
    elif device.type == "cpu" and small:
        torch.set_num_threads(1)


def optimizer_for(choice: AnyOptimizer, model: nn.Module) -> torch.optim.Optimizer:
    """The torch optimizer over the model's parameters.

    Each group remembers the ratio of its own rate to the optimizer's, so that one schedule shapes them all.
    """
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    try:
        optimizer = choice.build(named)
    except ValueError as error:
        raise UserError(f"optimizer {choice.kind}: {error}") from None
    for group in optimizer.param_groups:
        group["ratio"] = group["lr"] / choice.lr
    return optimizer


def _moved(split: Split, device: torch.device) -> Split:
    return Split(split.inputs.to(device), split.targets.to(device))


def _forward(
    config: RunConfig,
    model: nn.Module,
    inputs: Tensor,
    size: int,
    autocast: AbstractContextManager[Any],
    log: Callable[[str], None],
) -> Callable[[Tensor], Tensor]:
    """The model as it is called while training, on batches of `size` of these inputs."""
    training = config.training
    if training.cuda_graphs:
        reason = cuda_graphs.unsupported_reason(inputs.device, compiled=training.compile)
        if not reason:
            with autocast:
                return cuda_graphs.graph_model(model, inputs[:size], log)
        log(f"training.cuda_graphs: the model runs without graphs: {reason}")
    return _compiled(model, inputs[:1], log) if training.compile else model


def _compiled(model: nn.Module, sample: Tensor, log: Callable[[str], None]) -> Callable[[Tensor], Tensor]:
    """The compiled model, or the model itself and a word why: compilers fail in many ways, and none may end a run."""
    try:
        compiled = torch.compile(model, dynamic=True)
        with torch.no_grad():
            compiled(sample)
    except Exception as error:  # noqa: BLE001
        log(f"training.compile: the model runs uncompiled: {type(error).__name__}: {str(error).splitlines()[0][:200]}")
        return model
    return compiled


def _stream(seed: int, purpose: int) -> int:
    """The seed of one of the streams that a run draws from."""
    return seeded(seed, purpose).initial_seed()
