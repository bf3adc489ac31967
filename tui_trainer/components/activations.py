"""Activation functions of hidden units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from tui_trainer.components.base import Component, NonNegative, Positive, Real, by_name

if TYPE_CHECKING:
    from torch import nn


class Activation(Component):
    """A function that is applied to each unit."""

    torch_name: ClassVar[str]
    """The class in `torch.nn`."""

    def build(self) -> nn.Module:
        """Build the function as a module."""
        from torch import nn

        return getattr(nn, self.torch_name)(**{name: value for name, value in self if name != "kind"})

    @property
    def gain(self) -> float:
        """The factor on the weights' standard deviation that preserves the signal size (torch `calculate_gain`)."""
        return 1.0


class Identity(Activation):
    """f(z) = z: no activation, so that all layers together are one linear map (torch `Identity`)."""

    torch_name = "Identity"
    kind: Literal["identity"] = "identity"


class Sign(Activation):
    """The sign, -1, 0 or 1. Its derivative is zero, so no gradient passes (torch `sign`)."""

    kind: Literal["sign"] = "sign"

    def build(self) -> nn.Module:
        from tui_trainer.nn.activations import SignModule

        return SignModule()


class Sigmoid(Activation):
    """1 / (1 + e^-z), between 0 and 1. The derivative is at most 1/4, so deep gradients vanish (torch `Sigmoid`)."""

    torch_name = "Sigmoid"
    kind: Literal["sigmoid"] = "sigmoid"


class Tanh(Activation):
    """(e^z - e^-z) / (e^z + e^-z) = 2 sigmoid(2z) - 1, between -1 and 1, with derivative up to 1 (torch `Tanh`)."""

    torch_name = "Tanh"
    kind: Literal["tanh"] = "tanh"

    @property
    def gain(self) -> float:
        return 5 / 3


class ReLU(Activation):
    """max(0, z): cheap, with derivative 1 for positive inputs (torch `ReLU`)."""

    torch_name = "ReLU"
    kind: Literal["relu"] = "relu"

    @property
    def gain(self) -> float:
        return math.sqrt(2)


class LeakyReLU(Activation):
    """max(0, z) + slope min(0, z): a ReLU whose units cannot die (torch `LeakyReLU`)."""

    torch_name = "LeakyReLU"
    kind: Literal["leaky-relu"] = "leaky-relu"
    negative_slope: Real = 0.01
    """Derivative for negative inputs."""

    @property
    def gain(self) -> float:
        return math.sqrt(2 / (1 + self.negative_slope**2))


class PReLU(Activation):
    """A leaky ReLU with a learned slope, one per layer (torch `PReLU`; arXiv 1502.01852)."""

    torch_name = "PReLU"
    kind: Literal["prelu"] = "prelu"
    init: Real = 0.25
    """Initial slope for negative inputs."""

    @property
    def gain(self) -> float:
        """The gain of a leaky ReLU with the initial slope (arXiv 1502.01852, equation 15); torch defines none."""
        return math.sqrt(2 / (1 + self.init**2))


class ELU(Activation):
    """z for z > 0, alpha (e^z - 1) otherwise: smooth, with a mean near 0 (torch `ELU`; arXiv 1511.07289)."""

    torch_name = "ELU"
    kind: Literal["elu"] = "elu"
    alpha: Positive = 1.0
    """The lower bound of the function is -alpha."""


class SELU(Activation):
    """A scaled ELU for self-normalising networks (torch `SELU`; arXiv 1706.02515)."""

    torch_name = "SELU"
    kind: Literal["selu"] = "selu"

    @property
    def gain(self) -> float:
        return 3 / 4


class GELU(Activation):
    """z times the normal cumulative distribution at z; usual in transformers (torch `GELU`; arXiv 1606.08415)."""

    torch_name = "GELU"
    kind: Literal["gelu"] = "gelu"
    approximate: Literal["none", "tanh"] = "none"
    """Exact (none), or the tanh approximation that some models use."""


class SiLU(Activation):
    """z sigmoid(z), also called swish (torch `SiLU`; arXiv 1710.05941)."""

    torch_name = "SiLU"
    kind: Literal["silu"] = "silu"


class Softplus(Activation):
    """ln(1 + e^(beta z)) / beta: a smooth ReLU (torch `Softplus`)."""

    torch_name = "Softplus"
    kind: Literal["softplus"] = "softplus"
    beta: Positive = 1.0
    """Sharpness; larger values are closer to a ReLU."""
    threshold: NonNegative = 20.0
    """If beta z is above this value, the function returns z, for numerical stability."""


class Abs(Activation):
    """|z|: the derivative is 1 or -1 everywhere, so the gain is 1 instead of ReLU's sqrt 2 (torch `abs`)."""

    kind: Literal["abs"] = "abs"

    def build(self) -> nn.Module:
        from tui_trainer.nn.activations import AbsModule

        return AbsModule()


AnyActivation = Annotated[
    Identity | Sign | Sigmoid | Tanh | ReLU | LeakyReLU | PReLU | ELU | SELU | GELU | SiLU | Softplus | Abs,
    Field(discriminator="kind"),
    BeforeValidator(by_name),
]
"""Every activation; a bare name is accepted. To add one, write a class above and add its name here."""
