"""Weight initialisations, each a function of one generator."""

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
    """A distribution of the initial weights of linear and convolutional layers.

    With it their biases are zero, norms are the identity and embeddings are normal(0, 0.02), as small as in GPT-2
    (`torch-default` follows torch in all of that). A learned slope, as of `prelu`, keeps its own first value.
    """

    def apply(self, module: nn.Module, generator: torch.Generator) -> None:
        """Initialise every weight and bias of `module` from `generator`."""
        from tui_trainer.nn.initialization import fill_layers

        fill_layers(module, generator, self.fill)

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        """Initialise one weight `[out, in, ...]` in place."""
        raise NotImplementedError


class TorchDefault(Init):
    """torch's default: uniform in ±1/sqrt(fan in) for weights and biases; embeddings normal(0, 1).

    Too small for a deep net of ReLUs: ten layers of it barely move under SGD, where `kaiming-uniform` trains.
    """

    kind: Literal["torch-default"] = "torch-default"

    def apply(self, module: nn.Module, generator: torch.Generator) -> None:
        from tui_trainer.nn.initialization import fill_as_torch, fill_bias_as_torch, fill_layers

        fill_layers(module, generator, fill_as_torch, fill_bias_as_torch, embedding_std=1.0)


class Zeros(Init):
    """All zeros; with an activation that is 0 at 0, only the last bias is ever trained (torch `zeros_`)."""

    kind: Literal["zeros"] = "zeros"

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.zero_()


class ConstantInit(Init):
    """One constant; all units of a layer stay copies of each other (torch `constant_`)."""

    kind: Literal["constant"] = "constant"
    value: Real = 0.05
    """Initial value of every weight."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.fill_(self.value)


class Normal(Init):
    """A normal distribution with the same standard deviation for all layers (torch `normal_`)."""

    kind: Literal["normal"] = "normal"
    std: Positive = 0.1
    """Standard deviation; 1/sqrt(inputs) preserves the signal size."""
    mean: Real = 0.0
    """Mean."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.normal_(self.mean, self.std, generator=generator)


class Uniform(Init):
    """A uniform distribution with the same bounds for all layers (torch `uniform_`)."""

    kind: Literal["uniform"] = "uniform"
    low: Real = -0.1
    """Lower bound."""
    high: Real = 0.1
    """Upper bound."""

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        weight.uniform_(self.low, self.high, generator=generator)


class TruncNormal(Init):
    """A truncated normal distribution (torch `trunc_normal_`)."""

    kind: Literal["trunc-normal"] = "trunc-normal"
    std: Positive = 0.1
    """Standard deviation before truncation; 1/sqrt(inputs) preserves the signal size."""
    mean: Real = 0.0
    """Mean."""
    cut: Positive = 2.0
    """Truncation bound, in standard deviations from the mean (torch's `a` and `b` are absolute values)."""

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
    """Normal with standard deviation 1 / sqrt(fan in): for SELU, and for sigmoid networks (LeCun et al. 1998).

    With `bias_std` 1 it is what Nielsen's book starts from: W ~ N(0, 1/n), b ~ N(0, 1).
    """

    kind: Literal["lecun-normal"] = "lecun-normal"
    bias_std: NonNegative = 0.0
    """Standard deviation of the initial biases; 0 sets them to zero."""

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
    """A random orthogonal matrix, W Wᵀ = gain² I, which preserves lengths (torch `orthogonal_`; arXiv 1312.6120)."""

    kind: Literal["orthogonal"] = "orthogonal"
    gain: Positive | None = None
    """Scale for the activation: sqrt 2 suits ReLU, 1 abs and linear units; torch's default is 1."""

    def fill(self, weight: Tensor, generator: torch.Generator) -> None:
        from torch.nn.init import orthogonal_

        orthogonal_(weight, 1.0 if self.gain is None else self.gain, generator=generator)


class Sparse(Init):
    """Normal, with the same number of zeros in each column (torch `sparse_`; Martens 2010)."""

    kind: Literal["sparse"] = "sparse"
    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Fraction of zeros in each column, rounded up."""
    std: Positive = 0.1
    """Standard deviation of the non-zero weights."""

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
"""Every initialisation; a bare name is accepted. To add one, write a class above and add its name here."""
