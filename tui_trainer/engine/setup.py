"""Builds what a run trains with from its configuration: data on the device, model, loss and optimizer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.config.run_config import RunConfig, Training
from tui_trainer.data.further_sets import build_set
from tui_trainer.data.types import Data, Split
from tui_trainer.engine.batches import Batches, seeded
from tui_trainer.engine.device import choose, repeat_exactly
from tui_trainer.engine.fast_path.selection import FastPath
from tui_trainer.engine.loading.choice import batches_of
from tui_trainer.engine.loading.weights import freeze, load_weights
from tui_trainer.engine.monitoring.layer_stats import Layers, layers_of
from tui_trainer.engine.ranks.share import Share
from tui_trainer.engine.rng import States, seeded_states
from tui_trainer.engine.steps.accumulated import AccumulatedPasses, sizes_of_parts
from tui_trainer.engine.steps.autograd import AutogradPasses
from tui_trainer.engine.steps.base import ForwardBackward
from tui_trainer.engine.steps.parameter_groups import apply_groups
from tui_trainer.engine.steps.weight_average import WeightAverage
from tui_trainer.errors import UserError
from tui_trainer.nn.objectives import Objective
from tui_trainer.nn.own_objective import OwnObjective

_INIT, _DROPOUT = 1, 2
"""Random streams of one seed, besides the order of the samples."""

TRIED = 8
"""Training samples that a loss of the user's own is tried on."""
SMALL = 200_000
"""Parameters below which one thread is faster than several, by more than ten times on a busy machine."""

PRECISIONS = {"float32": None, "float64": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(slots=True)
class TrainingSetup:
    """Everything that is built once for a run."""

    device: torch.device
    data: Data
    batches: Batches
    model: nn.Module
    objective: Objective
    forward: Callable[[Tensor], Tensor]
    """The model as it is called in a training step: compiled or with CUDA graphs, if requested and possible."""
    plain_forward: Callable[[Tensor], Tensor]
    """The same without CUDA graphs, for a pass outside the step, or one that is differentiated twice: a graph has one
    set of outputs, which the next pass overwrites, and its gradient cannot be differentiated."""
    forward_backward: ForwardBackward
    """Forward and backward pass of a training step: autograd, or the fast path with the same bits."""
    fast_path: FastPath
    autocast: AbstractContextManager[Any]
    """Mixed precision around the forward pass; does nothing in float32."""
    scaler: torch.amp.GradScaler | None
    """Scales the loss of a float16 run, so that small gradients do not round to zero."""
    frozen: int
    """Number of weights that are not trained."""
    part_size: int
    """Samples of the parts in which a batch is passed where gradients are accumulated; 0 passes it whole."""
    average: WeightAverage | None
    """The average of the weights; None where none is asked for."""
    validation_sets: dict[str, Split]
    """Further sets that are measured at each validation, by name."""
    layers: Layers
    rng: States
    """States of torch's own generators for this run, from which dropout draws."""
    rng_seed: int = 0
    """Their seed."""
    share: Share | None = None
    """The share of this process in each batch; None where it trains alone."""
    shared_passes: Callable[[TrainingSetup, int], ForwardBackward] | None = None
    """Makes the passes of a process that trains with others, from the samples of a part."""

    @property
    def series_groups(self) -> tuple[str, ...]:
        """Groups of series that the run records itself: its validation sets, average and rates of groups."""
        return (*self.validation_sets, *(["average"] if self.average is not None else []), "rate")

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The trained parameters."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]


def set_up(
    config: RunConfig,
    log: Callable[[str], None],
    *,
    restored: bool = False,
    share_out: Callable[[TrainingSetup, Callable[[str], None]], None] | None = None,
    place: Callable[[torch.device], torch.device] = lambda device: device,
) -> TrainingSetup:
    """Build what the configuration describes.

    Args:
        log: receives a line about each requested feature that is not possible here.
        restored: whether the weights come from a checkpoint of the run, and no file to begin with is needed.
        share_out: shares the batches out over the processes that train together.
        place: returns the device of this one of them.

    Raises:
        UserError: the device, the data or a combination of parts is not possible; nothing has been written.
    """
    training = config.training
    device = place(choose(training.device))
    if training.deterministic:
        repeat_exactly(device)
    wide = training.precision == "float64"
    if wide and device.type == "mps":
        raise UserError("training.precision: MPS has no float64: choose training.device=cpu, or float32")
    data = config.data.build(training.seed, wide=wide)
    further = {
        name: _moved(build_set(name, one.data, one.part, data, training.seed, wide=wide), device)
        for name, one in (config.validation_sets or {}).items()
    }
    config.model.check(data.shape)
    outputs = config.loss.outputs(data.shape)
    model = config.model.build(data.shape, outputs, seeded(training.seed, _INIT))
    model = model.to(device, torch.float64 if wide else torch.float32)
    if config.model.weights and not restored:
        load_weights(model, config.model.weights, config.model.weights_skip, log)
    frozen = freeze(model, config.model.frozen)
    _use_threads(training.threads, device, model)
    objective = config.loss.build(data.shape)
    if isinstance(objective, OwnObjective):
        _check_loss(objective, model, data.train, device)
    dtype = PRECISIONS[training.precision]
    if dtype is torch.float16 and device.type == "cpu":
        raise UserError("training.precision: float16 needs an accelerator; on the CPU choose bfloat16 or float32")
    train = _moved(data.train, device)
    test = _moved(data.test, device) if data.test is not None else None
    data = replace(data, train=train, validation=_moved(data.validation, device), test=test)
    batches = batches_of(data, config.data.batch_size, config.data.sampling, training.accumulate, training.seed, log)
    # A cached cast of the weights would be stale where a graph replays the cast.
    cached = not training.cuda_graphs
    autocast = torch.autocast(device.type, dtype=dtype, cache_enabled=cached) if dtype is not None else nullcontext()
    scaler = torch.amp.GradScaler(device.type) if dtype is torch.float16 else None
    fast_path = FastPath(training.fast_path)
    plain_forward = _compiled(model, train.inputs[:1], log) if training.compile and share_out is None else model
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    passes = AutogradPasses(plain_forward, objective, parameters, autocast, scaler)
    built = TrainingSetup(
        device=device,
        data=data,
        batches=batches,
        model=model,
        objective=objective,
        forward=plain_forward,
        plain_forward=plain_forward,
        forward_backward=passes,
        fast_path=fast_path,
        autocast=autocast,
        scaler=scaler,
        frozen=frozen,
        part_size=0,
        average=WeightAverage(model, training.average) if training.average else None,
        validation_sets=further,
        layers=layers_of(model),
        rng=seeded_states(device, _stream(training.seed, _DROPOUT)),
        rng_seed=_stream(training.seed, _DROPOUT),
    )
    if share_out is not None:
        share_out(built, log)
    choose_passes(built, training, log)
    return built


def choose_passes(setup: TrainingSetup, training: Training, log: Callable[[str], None]) -> None:
    """Choose the passes of a training step: the fast path where it gives the same bits, for the batch sizes in force.

    What the fast path was tried with, or has recorded, are batch sizes, shares of dropout and the loss: it is chosen
    again where one of them has changed.
    """
    model, batches, train, part = setup.model, setup.batches, setup.data.train, 0
    if training.accumulate > 1:
        part = -(-batches.size // training.accumulate)
    setup.part_size = part
    if setup.shared_passes is not None:
        setup.part_size = -(-part // setup.share.size) if setup.share is not None else part
        setup.forward_backward = setup.shared_passes(setup, part)
        return
    graphed = None
    if training.cuda_graphs:
        sample = train.inputs[: part or batches.size]
        graphed = setup.fast_path.graphed(model, sample, setup.autocast, log, compiled=training.compile)
    setup.forward = graphed or setup.plain_forward
    passes: ForwardBackward = AutogradPasses(
        setup.forward,
        setup.objective,
        setup.parameters,
        setup.autocast,
        setup.scaler,
        reuses_outputs=setup.forward is not setup.plain_forward,
    )
    known = setup.device.type == "cpu" and not isinstance(setup.objective, OwnObjective)
    if setup.forward is model and known and PRECISIONS[training.precision] is None:
        sizes = sizes_of_parts(batches.sizes, part)
        passes = setup.fast_path.forward_backward(model, setup.objective, train, sizes, passes)
    setup.forward_backward = AccumulatedPasses(passes, setup.parameters, part) if part else passes


def _use_threads(requested: int, device: torch.device, model: nn.Module) -> None:
    """Set the threads of one operation. For a small model, threads wait longer for each other than they compute."""
    small = sum(parameter.numel() for parameter in model.parameters()) < SMALL
    if requested:
        torch.set_num_threads(requested)
    elif device.type == "cpu" and small:
        torch.set_num_threads(1)


def optimizer_for(choice: AnyOptimizer, model: nn.Module) -> torch.optim.Optimizer:
    """Return the torch optimizer over the model's parameters.

    Each group stores the ratio of its own learning rate to the optimizer's, so that one schedule applies to all.

    Raises:
        UserError: the optimizer cannot step the model.
    """
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    try:
        optimizer = choice.build(named)
    except ValueError as error:
        raise UserError(f"optimizer {choice.kind}: {error}") from None
    apply_groups(optimizer, choice, named)
    for group in optimizer.param_groups:
        group["ratio"] = group["lr"] / choice.lr
    return optimizer


def _check_loss(objective: OwnObjective, model: nn.Module, split: Split, device: torch.device) -> None:
    """Try a loss of the user's own on a few training samples; the model and the random streams stay as they are."""
    inputs, targets = split.inputs[:TRIED].to(device), split.targets[:TRIED].to(device)
    training = model.training
    model.eval()
    try:
        with torch.random.fork_rng(devices=[]):
            with torch.no_grad():
                outputs = model(inputs)
            objective.to(outputs)
            objective.check(outputs, targets)
    finally:
        model.train(training)


def _moved(split: Split, device: torch.device) -> Split:
    return Split(split.inputs.to(device), split.targets.to(device))


def _compiled(model: nn.Module, sample: Tensor, log: Callable[[str], None]) -> Callable[[Tensor], Tensor]:
    """Return the compiled model, or the model itself with the reason logged: no compiler error may end a run."""
    try:
        compiled = torch.compile(model, dynamic=True)
        with torch.no_grad():
            compiled(sample)
    except Exception as error:  # noqa: BLE001
        log(f"training.compile: the model runs uncompiled: {type(error).__name__}: {str(error).splitlines()[0][:200]}")
        return model
    return compiled


def _stream(seed: int, purpose: int) -> int:
    """Return the seed of one of the random streams of a run."""
    return seeded(seed, purpose).initial_seed()
