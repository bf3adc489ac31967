"""Forward and backward pass of a plain network, kernel by kernel.

The gradient of a chain of linear layers, activations and dropout is a dozen matrix products (Rumelhart, Hinton and
Williams 1986). Autograd records and walks its graph again in every step, which for a small network takes as long as the
products. Here the kernels are called one after the other, with the bits that autograd gives. A trial at start-up
compares the bits for every batch size of the run; sizes and models for which they differ go through autograd.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.engine.steps.base import ForwardBackward
from tui_trainer.nn.objectives import Objective

_KERNELS: Any = torch.ops.aten
"""torch's derivatives have no public name."""

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Hook tables of a module; a table is one dict for the lifetime of the module."""


class ManualMlp:
    """Passes over training batches of a model on the CPU.

    Args:
        model: a chain of linear layers, each followed by an activation and dropout, or by less.
        objective: the loss.

    Attributes:
        sizes: batch sizes for which a trial gave the bits of autograd.

    Raises:
        TypeError: the model is of another kind, shares weights between layers, or has hooks.
    """

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        self._layers = _layers(model)
        self._objective = objective
        self._parameters = tuple(model.parameters())
        tables = [getattr(module, name) for module in model.modules() for name in _HOOKS]
        tables += [getattr(torch.nn.modules.module, f"_global{name}", {}) for name in _HOOKS]
        self._hook_tables: tuple[dict[int, Any], ...] = tuple(tables)
        self.sizes: frozenset[int] = frozenset()
        if not self.is_current():
            raise TypeError("hooks are registered, or not every parameter is trained")

    def is_current(self) -> bool:
        """Return whether autograd would do nothing more than these passes: no hooks, and every parameter trained."""
        if any(self._hook_tables):
            return False
        for parameter in self._parameters:
            if parameter._backward_hooks or not parameter.requires_grad:
                return False
            if getattr(parameter, "_post_accumulate_grad_hooks", None):
                return False
        return True

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch and its outputs, detached; each parameter's `grad` is a new tensor."""
        with torch.no_grad():
            out = inputs.flatten(1)
            for layer in self._layers:
                out = layer.forward(out)
            loss, grad = self._objective.with_grad(out, targets)
            for layer in reversed(self._layers):
                grad = layer.backward(grad)
        return loss, out


class FastForwardBackward:
    """Manual passes for the batches that they are known to fit, plain passes for all others.

    Args:
        manual: passes with the sizes for which a trial gave the bits of autograd.
        plain: passes through autograd.
    """

    def __init__(self, manual: ManualMlp, plain: ForwardBackward) -> None:
        self._manual = manual
        self._plain = plain

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return (mean loss, outputs) of a batch; every `grad` holds its gradient."""
        if len(inputs) in self._manual.sizes and self._manual.is_current():
            return self._manual(inputs, targets)
        return self._plain(inputs, targets)


class _Layer(ABC):
    """One layer, which keeps from the forward pass of a batch what its backward pass needs."""

    @abstractmethod
    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs `[n, out]` of inputs `[n, in]`; may write to the inputs."""

    @abstractmethod
    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the inputs, from `grad`, that of the outputs; may write to `grad`."""


class _Linear(_Layer):
    def __init__(self, module: nn.Linear, *, first: bool) -> None:
        self._weight = module.weight
        self._bias: Tensor | None = module.bias
        self._columns = module.weight.detach().t()
        self._first = first

    def forward(self, inputs: Tensor) -> Tensor:
        self._inputs = inputs
        if self._bias is None:
            return torch.mm(inputs, self._columns)
        return torch.addmm(self._bias, inputs, self._columns)

    def backward(self, grad: Tensor) -> Tensor:
        self._weight.grad = torch.mm(grad.t(), self._inputs)
        if self._bias is not None:
            self._bias.grad = grad.sum(0)
        return grad if self._first else torch.mm(grad, self._weight)


class _Activation(_Layer):
    def __init__(self, function: Callable[[Tensor], Tensor], derivative: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._function, self._derivative = function, derivative

    def forward(self, inputs: Tensor) -> Tensor:
        self._out = self._function(inputs)
        return self._out

    def backward(self, grad: Tensor) -> Tensor:
        return self._derivative(grad, self._out)


class _Dropout(_Layer):
    def __init__(self, rate: float) -> None:
        self._share_kept = 1 - rate

    def forward(self, inputs: Tensor) -> Tensor:
        self._mask = torch.empty_like(inputs).bernoulli_(self._share_kept).div_(self._share_kept)
        return inputs * self._mask

    def backward(self, grad: Tensor) -> Tensor:
        return grad.mul_(self._mask)


_ACTIVATIONS: dict[type[nn.Module], tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    nn.ReLU: (torch.relu_, lambda grad, out: _KERNELS.threshold_backward.default(grad, out, 0)),
    nn.Tanh: (torch.tanh_, lambda grad, out: _KERNELS.tanh_backward.default(grad, out)),
    nn.Sigmoid: (torch.sigmoid_, lambda grad, out: _KERNELS.sigmoid_backward.default(grad, out)),
}
"""By activation: the function, applied to the sums of a linear layer in place, and its backward pass."""


def _layers(model: nn.Module) -> list[_Layer]:
    """Return the layers of a chain. Raises `TypeError` if the model is not one."""
    if type(model) is not nn.Sequential:
        raise TypeError("not a chain")
    layers: list[_Layer] = []
    storages: list[int] = []
    previous: type[nn.Module] = nn.Flatten
    for module in model:
        kind = type(module)
        if isinstance(module, nn.Linear) and kind is nn.Linear:
            layers.append(_Linear(module, first=not layers))
            storages += [parameter.untyped_storage().data_ptr() for parameter in module.parameters()]
        elif kind in _ACTIVATIONS and previous is nn.Linear:
            layers.append(_Activation(*_ACTIVATIONS[kind]))
        elif isinstance(module, nn.Dropout) and kind is nn.Dropout and layers and 0 < module.p < 1:
            layers.append(_Dropout(module.p))
        elif kind is not nn.Flatten or layers:
            raise TypeError(f"no manual pass for {kind.__name__} after {previous.__name__}")
        previous = kind
    if not storages:
        raise TypeError("no weights")
    if len(set(storages)) < len(storages):
        # Each layer sets its weight's gradient, where autograd adds up those of all uses.
        raise TypeError("layers share weights")
    return layers


def manual_mlp_for(
    model: nn.Module, objective: Objective, inputs: Tensor, targets: Tensor, sizes: Iterable[int] = ()
) -> ManualMlp | None:
    """Return passes that gave the bits of autograd in a trial; None if the model has none.

    Each size is tried with the present weights and with random ones: gradients of present weights can be zero, as
    behind an output layer that starts at zero, and would then hide an error. Weights and generators stay as they were,
    gradients are cleared.

    Args:
        inputs: training samples, of which the first ones are tried.
        targets: their targets.
        sizes: batch sizes to try; all samples in one batch if none are given.
    """
    was_training = model.training
    parameters = list(model.parameters())
    original = [parameter.detach().clone() for parameter in parameters]
    model.train()
    try:
        manual = ManualMlp(model, objective)
        batches = [(inputs[:size], targets[:size]) for size in sorted({*sizes} or {len(inputs)})]
        same = [_gives_same_bits(manual, model, objective, *batch) for batch in batches]
        _randomize(parameters)
        same = [
            before and _gives_same_bits(manual, model, objective, *batch)
            for before, batch in zip(same, batches, strict=True)
        ]
        manual.sizes = frozenset(len(batch[0]) for batch, fits in zip(batches, same, strict=True) if fits)
    except (TypeError, RuntimeError):  # another kind of model or input, or a kernel that this torch does not have
        return None
    else:
        return manual if manual.sizes else None
    finally:
        model.train(was_training)
        with torch.no_grad():
            for parameter, values in zip(parameters, original, strict=True):
                parameter.copy_(values)
                parameter.grad = None


@torch.no_grad()
def _randomize(parameters: Iterable[Tensor]) -> None:
    """Fill weights with normal numbers of deviation 1/sqrt(fan in), from a generator of their own."""
    generator = torch.Generator().manual_seed(0)
    for parameter in parameters:
        fan_in = parameter.shape[1] if parameter.dim() > 1 else 1
        parameter.copy_(torch.randn(parameter.shape, generator=generator) / fan_in**0.5)


def _gives_same_bits(
    manual: ManualMlp, model: nn.Module, objective: Objective, inputs: Tensor, targets: Tensor
) -> bool:
    """Return whether both ways give the same loss, outputs, gradients and generator state for a batch."""
    parameters = list(model.parameters())
    with torch.random.fork_rng([]):
        rng_state = torch.get_rng_state()
        outputs = model(inputs)
        loss = objective(outputs, targets)
        expected = [loss, outputs, *torch.autograd.grad(loss, parameters), torch.get_rng_state()]
        torch.set_rng_state(rng_state)
        actual = [*manual(inputs, targets), *(parameter.grad for parameter in parameters), torch.get_rng_state()]
    return all(one is not None and torch.equal(one, other) for one, other in zip(actual, expected, strict=True))
