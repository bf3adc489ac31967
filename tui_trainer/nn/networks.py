"""Sequential networks. Per-layer charts show the names of their layers."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import Tensor, nn

Activation = Callable[[], nn.Module]


class BatchNorm1d(nn.BatchNorm1d):
    """torch's, but for a batch of one sample, which has no variance: the running averages normalise it.

    The last batch of an epoch may be that small; torch would raise in the middle of the run.
    """

    def forward(self, input: Tensor) -> Tensor:
        if self.training and len(input) == 1:
            return nn.functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(input)


class BatchNorm2d(nn.BatchNorm2d):
    """torch's, but for one image of one pixel, as `BatchNorm1d`."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and input.shape[0] * input.shape[2] * input.shape[3] == 1:
            return nn.functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(input)


def head_module(head: str) -> nn.Module | None:
    """Return the output activation as a module, or None for identity."""
    if head == "sigmoid":
        return nn.Sigmoid()
    return nn.Softmax(dim=-1) if head == "softmax" else None


def mlp(
    inputs: tuple[int, ...],
    hidden: Sequence[int],
    outputs: int,
    activation: Activation,
    head: str,
    dropout: float = 0.0,
    norm: str = "none",
    *,
    bias: bool = True,
) -> nn.Sequential:
    """`[n, *inputs]` to `[n, outputs]`: flatten, hidden1, hidden1_norm, hidden1_activation, ..., output, head.

    `bias` says whether the output layer has one.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if len(inputs) > 1:
        layers["flatten"] = nn.Flatten()
    _units(layers, math.prod(inputs), hidden, outputs, activation, head, dropout, norm, bias)
    return nn.Sequential(layers)


def cnn(
    inputs: tuple[int, ...],
    channels: Sequence[int],
    kernel: int,
    pool: int,
    hidden: Sequence[int],
    outputs: int,
    activation: Activation,
    head: str,
    dropout: float,
    batch_norm: bool,
) -> nn.Sequential:
    """`[n, channels, rows, columns]` to `[n, outputs]`: conv1, conv1_norm, conv1_activation, pool1, hidden1, ..."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    before, rows, columns = inputs
    for number, after in enumerate(channels, start=1):
        # A norm takes the mean away again: a bias before it would have no effect.
        layers[f"conv{number}"] = nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=not batch_norm)
        if batch_norm:
            layers[f"conv{number}_norm"] = BatchNorm2d(after)
        layers[f"conv{number}_activation"] = activation()
        if pool > 1:
            layers[f"pool{number}"] = nn.MaxPool2d(pool)
        before, rows, columns = after, rows // pool, columns // pool
    layers["flatten"] = nn.Flatten()
    if dropout:
        layers["flatten_dropout"] = nn.Dropout(dropout)
    _units(layers, before * rows * columns, hidden, outputs, activation, head, dropout, "none")
    return nn.Sequential(layers)


def _units(
    layers: OrderedDict[str, nn.Module],
    before: int,
    hidden: Sequence[int],
    outputs: int,
    activation: Activation,
    head: str,
    dropout: float,
    norm: str,
    bias: bool = True,
) -> None:
    for number, after in enumerate(hidden, start=1):
        layers[f"hidden{number}"] = nn.Linear(before, after)
        if norm != "none":
            layers[f"hidden{number}_norm"] = BatchNorm1d(after) if norm == "batch" else nn.LayerNorm(after)
        layers[f"hidden{number}_activation"] = activation()
        if dropout:
            layers[f"hidden{number}_dropout"] = nn.Dropout(dropout)
        before = after
    layers["output"] = nn.Linear(before, outputs, bias=bias)
    last = head_module(head)
    if last is not None:
        layers["head"] = last
