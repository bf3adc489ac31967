"""Inspection of a model at one moment: gradients, pre-activations, probabilities and singular values."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tui_trainer.data.types import Split
from tui_trainer.engine.evaluation.evaluate import CHUNK
from tui_trainer.engine.monitoring.layer_stats import class_label, finite, measured_norm_of
from tui_trainer.engine.setup import TrainingSetup

LARGEST = 1 << 21
"""Most numbers in a weight matrix whose singular values are computed."""

Weights = dict[str, nn.Parameter]


def weights_of(setup: TrainingSetup) -> Weights:
    """Return the weight of each layer with a matrix, from input to output: no biases, no norms."""
    pairs = ((name, next((own for own in parameters if own.dim() > 1), None)) for name, parameters in setup.layers)
    return {name: weight for name, weight in pairs if weight is not None}


@contextmanager
def quiet(model: nn.Module) -> Generator[None]:
    """Put the model into evaluation mode: no dropout, and running averages do not change."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def chunks(setup: TrainingSetup, split: Split) -> Generator[Split]:
    """Yield a split in chunks that fit through the model at once, the same at every call."""
    wide = setup.data.shape.targets if setup.data.shape.task == "language" else 1
    size = max(1, min(len(split), CHUNK // max(split.inputs[0].numel() * wide, 1)))
    for first in range(0, len(split), size):
        yield Split(split.inputs[first : first + size], split.targets[first : first + size])


def gradient(setup: TrainingSetup, split: Split, of: Sequence[Tensor] | None = None) -> list[Tensor]:
    """Return the gradient of the mean loss over a split for each trained parameter; does not change `.grad`."""
    of = setup.parameters if of is None else of
    total = [torch.zeros_like(tensor) for tensor in of]
    with quiet(setup.model), torch.enable_grad():
        for part in chunks(setup, split):
            loss = setup.objective(setup.model(part.inputs), part.targets)
            for held, new in zip(total, derivatives(loss, of), strict=True):
                held.add_(new, alpha=len(part) / len(split))
    return total


def derivatives(loss: Tensor, of: Sequence[Tensor]) -> list[Tensor]:
    """Return d loss / d tensor for each tensor, dense; zeros if the loss does not depend on it."""
    gradients = torch.autograd.grad(loss, of, allow_unused=True, materialize_grads=True)
    return [new.to_dense() if new.is_sparse else new for new in gradients]


def norm(tensors: Sequence[Tensor]) -> float:
    """Return the 2-norm of all tensors together."""
    return float(measured_norm_of(list(tensors)))


@contextmanager
def sums(setup: TrainingSetup) -> Generator[dict[str, Tensor]]:
    """Record the pre-activations of each layer with a weight matrix while the model is called."""
    seen: dict[str, Tensor] = {}
    weights = weights_of(setup)
    hooks: list[torch.utils.hooks.RemovableHandle] = []
    for name, module in setup.model.named_modules():
        label = name or class_label(module)
        if label not in weights:
            continue

        def note(_: nn.Module, __: object, output: object, label: str = label) -> None:
            if isinstance(output, Tensor) and output.is_floating_point():
                seen[label] = output

        hooks.append(module.register_forward_hook(note))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def logits(setup: TrainingSetup, inputs: Tensor) -> Tensor:
    """Return the outputs of the last layer, before the head."""
    with sums(setup) as seen, quiet(setup.model), torch.no_grad():
        outputs = setup.model(inputs)
    return seen[next(reversed(seen))] if seen else outputs


def probabilities(sums: Tensor, kind: str, head: str) -> Tensor:
    """Return probabilities `[n, K]` from logits `[n, K]`, or from one logit for two classes."""
    if sums.shape[-1] == 1:
        return torch.cat([torch.sigmoid(-sums), torch.sigmoid(sums)], -1)
    if kind in ("bce", "bce-with-logits") or head == "sigmoid":
        return torch.sigmoid(sums)
    return torch.softmax(sums, -1)


def singular_values(weight: Tensor) -> list[float]:
    """Return the singular values of a weight as a matrix (outputs x other dimensions), largest first, in float64."""
    matrix = weight.detach().flatten(1).to("cpu", torch.float64)
    if matrix.numel() > LARGEST or not torch.isfinite(matrix).all():
        return []
    return torch.linalg.svdvals(matrix).tolist()


def rank(weight: Tensor, values: Sequence[float]) -> float | None:
    """Return the numerical rank: the number of singular values above the rounding error of the weights' type."""
    if not values:
        return None
    least = values[0] * max(weight.flatten(1).shape) * torch.finfo(weight.dtype).eps
    return float(sum(value > least for value in values))


def deviation(values: Tensor) -> float | None:
    """Return the standard deviation of all numbers, None if it is not finite."""
    return finite(float(values.detach().double().std(correction=0)))
