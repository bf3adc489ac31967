"""Initialisations: what the weights are before the first step, as a function of a generator alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from tui_trainer.components.base import Component, NonNegative, Positive, Real, by_name

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Fan = Literal["fan-in", "fan-out"]


class Init(Component):
    """A distribution of the first weights of linear and convolutional layers.

    With it their biases are zero, norms are the identity and embeddings are normal(0, 0.02), as small as in GPT-2
    (`torch-default` follows torch in all of that). A learned slope, as of `prelu`, keeps its own first value.
    """

    def apply(self, module: nn.Module, generator: torch.Generator) -> None:
        """Fill every weight and bias of `module`, drawing from `generator` alone."""
        from tui_trainer.nn.initialization import fill_layers

        fill_layers(module, generator, self.fill)

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        """Fill one weight `[out, in, ...]` in place."""
        raise NotImplementedError


class TorchDefault(Init):
    """What torch's own layers start with: uniform in ±1/sqrt(fan in), biases too; embeddings normal(0, 1).

    Too small for a deep net of ReLUs: ten layers of it barely move under SGD, where `kaiming-uniform` trains.
    """

    kind: Literal["torch-default"] = "torch-default"

    def apply(self, module: nn.Module, generator: torch.Generator) -> None:
        from tui_trainer.nn.initialization import fill_as_torch, fill_bias_as_torch, fill_layers

        fill_layers(module, generator, fill_as_torch, fill_bias_as_torch, embedding_std=1.0)


class Zeros(Init):
    """All zeros: with an activation that is 0 at 0 no weight ever moves, only the last bias (torch `zeros_`)."""

    kind: Literal["zeros"] = "zeros"

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.zero_()


class ConstantInit(Init):
    """One value everywhere: all units of a layer stay copies of one another (torch `constant_`)."""

    kind: Literal["constant"] = "constant"
    value: Real = 0.05
    """What every weight starts as."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.fill_(self.value)


class Normal(Init):
    """A normal distribution of one width for all layers, however many inputs they have (torch `normal_`)."""

    kind: Literal["normal"] = "normal"
    std: Positive = 0.1
    """Standard deviation; 1/sqrt(inputs) keeps the size of a signal."""
    mean: Real = 0.0
    """Mean."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.normal_(self.mean, self.std, generator=generator)


class Uniform(Init):
    """A uniform distribution of one width for all layers (torch `uniform_`, there from 0 to 1)."""

    kind: Literal["uniform"] = "uniform"
    low: Real = -0.1
    """The smallest weight."""
    high: Real = 0.1
    """The largest weight."""

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.uniform_(self.low, self.high, generator=generator)


class TruncNormal(Init):
    """A normal distribution without its tails (torch `trunc_normal_`)."""

    kind: Literal["trunc-normal"] = "trunc-normal"
    std: Positive = 0.1
    """Standard deviation before the tails are cut; 1/sqrt(inputs) keeps the size of a signal."""
    mean: Real = 0.0
    """Mean."""
    cut: Positive = 2.0
    """Standard deviations from the mean beyond which nothing is drawn (torch's `a` and `b` are values)."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        from torch.nn.init import trunc_normal_

        reach = self.cut * self.std
        trunc_normal_(weight, self.mean, self.std, self.mean - reach, self.mean + reach, generator=generator)


class XavierUniform(Init):
    """Uniform in ±gain sqrt(6 / (fan in + fan out)): for tanh (torch `xavier_uniform_`; Glorot and Bengio 2010)."""

    kind: Literal["xavier-uniform"] = "xavier-uniform"
    gain: Positive | None = None
    """Scale for the activation: 5/3 suits tanh, 1 abs and linear units. torch's 1 where none is given."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        from torch.nn.init import xavier_uniform_

        xavier_uniform_(weight, 1.0 if self.gain is None else self.gain, generator=generator)


class XavierNormal(Init):
    """Normal with deviation gain sqrt(2 / (fan in + fan out)) (torch `xavier_normal_`; Glorot and Bengio 2010)."""

    kind: Literal["xavier-normal"] = "xavier-normal"
    gain: Positive | None = None
    """Scale for the activation: 5/3 suits tanh, 1 abs and linear units. torch's 1 where none is given."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        from torch.nn.init import xavier_normal_

        xavier_normal_(weight, 1.0 if self.gain is None else self.gain, generator=generator)


class KaimingUniform(Init):
    """Uniform in ±gain sqrt(3 / fan): for ReLU (torch `kaiming_uniform_`; arXiv 1502.01852)."""

    kind: Literal["kaiming-uniform"] = "kaiming-uniform"
    gain: Positive | None = None
    """Scale for the activation: 1 suits abs and linear units. The ReLU's sqrt 2, as in torch, where none is given."""
    mode: Fan = "fan-in"
    """Keep the size of the signal on its way forward (fan-in) or of the gradient on its way back (fan-out)."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        bound = math.sqrt(3) * _kaiming_std(weight, self.gain, self.mode)
        weight.uniform_(-bound, bound, generator=generator)


class KaimingNormal(Init):
    """Normal with deviation gain / sqrt(fan): for ReLU (torch `kaiming_normal_`; arXiv 1502.01852)."""

    kind: Literal["kaiming-normal"] = "kaiming-normal"
    gain: Positive | None = None
    """Scale for the activation: 1 suits abs and linear units. The ReLU's sqrt 2, as in torch, where none is given."""
    mode: Fan = "fan-in"
    """Keep the size of the signal on its way forward (fan-in) or of the gradient on its way back (fan-out)."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.normal_(0, _kaiming_std(weight, self.gain, self.mode), generator=generator)


class LeCunNormal(Init):
    """Normal with deviation 1 / sqrt(fan in): for SELU, and for sigmoid nets of old (LeCun et al. 1998).

    With `bias_std` 1 it is what Nielsen's book starts from: W ~ N(0, 1/n), b ~ N(0, 1).
    """

    kind: Literal["lecun-normal"] = "lecun-normal"
    bias_std: NonNegative = 0.0
    """Standard deviation of the first biases; with 0 they are zero."""

    def apply(self, module: nn.Module, generator: torch.Generator) -> None:
        from tui_trainer.nn.initialization import fill_layers

        fill_layers(module, generator, self.fill, self._fill_bias)

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.normal_(0, 1 / math.sqrt(math.prod(weight.shape[1:])), generator=generator)

    def _fill_bias(self, bias: Tensor, weight: Tensor, generator: torch.Generator) -> None:
        if self.bias_std:
            bias.normal_(0, self.bias_std, generator=generator)
        else:
            bias.zero_()


class Orthogonal(Init):
    """A random rotation, W Wᵀ = gain² I: signals keep their length exactly (torch `orthogonal_`; arXiv 1312.6120)."""

    kind: Literal["orthogonal"] = "orthogonal"
    gain: Positive | None = None
    """What lengths are multiplied by: sqrt 2 suits ReLU, 1 abs and linear units. torch's 1 where none is given."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        from torch.nn.init import orthogonal_

        orthogonal_(weight, 1.0 if self.gain is None else self.gain, generator=generator)


class Sparse(Init):
    """Normal, with the same number of zeros in each column (torch `sparse_`; Martens 2010)."""

    kind: Literal["sparse"] = "sparse"
    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share of each column that is zero, rounded up: each input reaches the other outputs only."""
    std: Positive = 0.1
    """Standard deviation of the others."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        from tui_trainer.nn.initialization import fill_sparse

        fill_sparse(weight, self.sparsity, self.std, generator)


def _kaiming_std(weight: Tensor, gain: float | None, mode: Fan) -> float:
    receptive = math.prod(weight.shape[2:])
    fan = weight.shape[1 if mode == "fan-in" else 0] * receptive
    return (math.sqrt(2) if gain is None else gain) / math.sqrt(fan)


AnyInit = Annotated[
    TorchDefault
    | Zeros
    | ConstantInit
    | Normal
    | Uniform
    | TruncNormal
    | XavierUniform
    | XavierNormal
    | KaimingUniform
    | KaimingNormal
    | LeCunNormal
    | Orthogonal
    | Sparse,
    Field(discriminator="kind"),
    BeforeValidator(by_name),
]
"""Every initialisation; its name alone will do. A new one is a class above and its name here."""
