"""Forward and backward pass of a plain network, kernel by kernel.

The gradient of a chain of linear layers, activations and dropout is a dozen matrix products that every textbook writes
down (Rumelhart, Hinton and Williams 1986). Autograd finds them anew in each step: of a small network's step, that takes
as long as the products. Here they are called one after the other. Every bit is the one that autograd would give: that
is tried before it is relied upon.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.nn.objectives import Objective

_KERNELS: Any = torch.ops.aten
"""torch's derivatives have no other name."""


class ManualMlp:
    """Passes over training batches of a model on the CPU.

    Args:
        model: a chain of linear layers, each followed by an activation and dropout, or by less.
        objective: what is minimised.

    Raises:
        TypeError: the model is of another kind.
    """

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        self._links = _links(model)
        self._objective = objective

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss of a batch and its outputs, detached; each parameter's `grad` is a new tensor."""
        with torch.no_grad():
            out = inputs.flatten(1)
            for link in self._links:
                out = link.forward(out)
            loss, slope = self._objective.with_slope(out, targets)
            for link in reversed(self._links):
                slope = link.backward(slope)
        return loss, out


class _Layer(ABC):
    """One layer: it remembers of a batch what its backward pass needs."""

    @abstractmethod
    def forward(self, inputs: Tensor) -> Tensor:
        """What comes out, `[n, out]` of `[n, in]`."""

    @abstractmethod
    def backward(self, slope: Tensor) -> Tensor:
        """The gradient of the loss by the inputs, from the one by what came out; `slope` may be written to."""


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

    def backward(self, slope: Tensor) -> Tensor:
        self._weight.grad = torch.mm(slope.t(), self._inputs)
        if self._bias is not None:
            self._bias.grad = slope.sum(0)
        return slope if self._first else torch.mm(slope, self._weight)


class _Activation(_Layer):
    def __init__(self, function: Callable[[Tensor], Tensor], derivative: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._function, self._derivative = function, derivative

    def forward(self, inputs: Tensor) -> Tensor:
        self._out = self._function(inputs)
        return self._out

    def backward(self, slope: Tensor) -> Tensor:
        return self._derivative(slope, self._out)


class _Dropout(_Layer):
    def __init__(self, rate: float) -> None:
        self._kept = 1 - rate

    def forward(self, inputs: Tensor) -> Tensor:
        self._mask = torch.empty_like(inputs).bernoulli_(self._kept).div_(self._kept)
        return inputs * self._mask

    def backward(self, slope: Tensor) -> Tensor:
        return slope.mul_(self._mask)


_ACTIVATIONS: dict[type[nn.Module], tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    nn.ReLU: (torch.relu_, lambda slope, out: _KERNELS.threshold_backward.default(slope, out, 0)),
    nn.Tanh: (torch.tanh_, lambda slope, out: _KERNELS.tanh_backward.default(slope, out)),
    nn.Sigmoid: (torch.sigmoid_, lambda slope, out: _KERNELS.sigmoid_backward.default(slope, out)),
}
"""What is done to the sums of a linear layer, in their place, and the slope by them."""


def _links(model: nn.Module) -> list[_Layer]:
    """The links of a chain, `TypeError` where a model is none."""
    if type(model) is not nn.Sequential:
        raise TypeError("not a chain")
    links: list[_Layer] = []
    before: type[nn.Module] = nn.Flatten
    for module in model:
        kind = type(module)
        if isinstance(module, nn.Linear) and kind is nn.Linear:
            links.append(_Linear(module, first=not links))
        elif kind in _ACTIVATIONS and before is nn.Linear:
            links.append(_Activation(*_ACTIVATIONS[kind]))
        elif isinstance(module, nn.Dropout) and links and 0 < module.p < 1:
            links.append(_Dropout(module.p))
        elif kind is not nn.Flatten or links:
            raise TypeError(f"no passes for {kind.__name__} after {before.__name__}")
        before = kind
    if not links or not all(parameter.requires_grad for parameter in model.parameters()):
        raise TypeError("nothing to train, or not all of it")
    if _is_watched(model):
        raise TypeError("somebody looks at what passes through it")
    return links


def _is_watched(model: nn.Module) -> bool:
    """Whether hooks of a layer or a weight wait for autograd's passes."""
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    watchers = [getattr(module, name) for module in model.modules() for name in names]
    names = ("_backward_hooks", "_post_accumulate_grad_hooks")
    watchers += [getattr(parameter, name, None) for parameter in model.parameters() for name in names]
    return any(watchers)


def manual_mlp_for(model: nn.Module, objective: Objective, inputs: Tensor, targets: Tensor) -> ManualMlp | None:
    """Passes that give what autograd gives, tried on this batch to the bit; None where there are none.

    Weights and generators are left as they were, gradients are cleared.
    """
    was_training = model.training
    model.train()
    try:
        passes = ManualMlp(model, objective)
        return passes if _same(passes, model, objective, inputs, targets) else None
    except (TypeError, RuntimeError):  # a chain on inputs of another shape, or a kernel that torch has no more
        return None
    finally:
        model.train(was_training)
        for parameter in model.parameters():
            parameter.grad = None


def _same(passes: ManualMlp, model: nn.Module, objective: Objective, inputs: Tensor, targets: Tensor) -> bool:
    parameters = list(model.parameters())
    with torch.random.fork_rng([]):
        state = torch.get_rng_state()
        outputs = model(inputs)
        loss = objective(outputs, targets)
        wanted = [loss, outputs, *torch.autograd.grad(loss, parameters), torch.get_rng_state()]
        torch.set_rng_state(state)
        found = [*passes(inputs, targets), *(parameter.grad for parameter in parameters), torch.get_rng_state()]
    return all(one is not None and torch.equal(one, other) for one, other in zip(found, wanted, strict=True))
