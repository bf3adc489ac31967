"""Initialise the layers of a module from one generator."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Fill = Callable[[Tensor, torch.Generator], None]

EMBEDDING_STD = 0.02

_WEIGHTED = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
_NORMS = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@torch.no_grad()
def fill_layers(
    module: nn.Module,
    generator: torch.Generator,
    fill: Fill,
    fill_bias: Callable[[Tensor, Tensor, torch.Generator], None] | None = None,
    embedding_std: float = EMBEDDING_STD,
) -> None:
    """Fill each layer in the order of the module; a weight that two layers share is filled by the first of them.

    Args:
        module: whose layers are filled; norms become the identity.
        generator: what everything is drawn from.
        fill: fills the weight of a linear or convolutional layer.
        fill_bias: fills its bias, given the weight too; where there is none, biases are zero.
        embedding_std: standard deviation of embeddings.
    """
    filled: set[Tensor] = set()
    for layer in module.modules():
        if isinstance(layer, _NORMS):
            layer.reset_parameters()
        elif isinstance(layer, nn.Embedding):
            if layer.weight not in filled:
                layer.weight.normal_(0, embedding_std, generator=generator)
            filled.add(layer.weight)
        elif isinstance(layer, _WEIGHTED):
            if layer.weight not in filled:
                fill(layer.weight, generator)
            filled.add(layer.weight)
            if layer.bias is not None and fill_bias is not None:
                fill_bias(layer.bias, layer.weight, generator)
            elif layer.bias is not None:
                layer.bias.zero_()


def fill_as_torch(weight: Tensor, generator: torch.Generator) -> None:
    """Initialise a weight exactly like `reset_parameters` of torch's layers."""
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)


def fill_bias_as_torch(bias: Tensor, weight: Tensor, generator: torch.Generator) -> None:
    """Initialise a bias exactly like `reset_parameters` of torch's layers."""
    bound = 1 / math.sqrt(math.prod(weight.shape[1:]))
    bias.uniform_(-bound, bound, generator=generator)


def fill_sparse(weight: Tensor, sparsity: float, std: float, generator: torch.Generator) -> None:
    """Initialise normally, with `sparsity` of each column zero. torch's `sparse_` would use the global generator."""
    weight.normal_(0, std, generator=generator)
    columns = weight.flatten(1)
    zeros = math.ceil(sparsity * len(columns))
    places = torch.rand(columns.shape, generator=generator).argsort(0)[:zeros]
    weight.copy_(columns.scatter(0, places, 0.0).view_as(weight))
