"""Activation functions: what a hidden unit does with its weighted sum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from tui_trainer.components.base import Component, NonNegative, Positive, Real, by_name

if TYPE_CHECKING:
    from torch import nn


class Activation(Component):
    """A function applied to each unit on its own."""

    torch_name: ClassVar[str]
    """The class in `torch.nn`."""

    def build(self) -> nn.Module:
        """The function as a module."""
        from torch import nn

        return getattr(nn, self.torch_name)(**{name: value for name, value in self if name != "kind"})

    @property
    def gain(self) -> float:
        """What the deviation of the weights is multiplied by so that signals keep their size (`calculate_gain`)."""
        return 1.0


class Identity(Activation):
    """z: no activation, so that any number of layers is one linear map (torch `Identity`)."""

    torch_name = "Identity"
    kind: Literal["identity"] = "identity"


class Sign(Activation):
    """-1, 0 or 1: its derivative is zero everywhere but at 0, so no gradient passes (torch `sign`)."""

    kind: Literal["sign"] = "sign"

    def build(self) -> nn.Module:
        from tui_trainer.nn.activations import SignModule

        return SignModule()


class Sigmoid(Activation):
    """1 / (1 + e^-z), between 0 and 1: its derivative is at most a quarter, so deep signals fade (torch `Sigmoid`)."""

    torch_name = "Sigmoid"
    kind: Literal["sigmoid"] = "sigmoid"


class Tanh(Activation):
    """(e^z - e^-z) / (e^z + e^-z) = 2 sigmoid(2z) - 1, from -1 to 1: centred, its derivative up to 1 (torch `Tanh`)."""

    torch_name = "Tanh"
    kind: Literal["tanh"] = "tanh"

    @property
    def gain(self) -> float:
        return 5 / 3


class ReLU(Activation):
    """max(0, z): cheap, and its derivative is 1 wherever the unit is on (torch `ReLU`)."""

    torch_name = "ReLU"
    kind: Literal["relu"] = "relu"

    @property
    def gain(self) -> float:
        return math.sqrt(2)


class LeakyReLU(Activation):
    """max(0, z) + slope min(0, z): a ReLU that cannot die (torch `LeakyReLU`)."""

    torch_name = "LeakyReLU"
    kind: Literal["leaky-relu"] = "leaky-relu"
    negative_slope: Real = 0.01
    """The derivative where the unit is off."""

    @property
    def gain(self) -> float:
        return math.sqrt(2 / (1 + self.negative_slope**2))


class PReLU(Activation):
    """A leaky ReLU that learns its slope, one for the layer (torch `PReLU`; arXiv 1502.01852)."""

    torch_name = "PReLU"
    kind: Literal["prelu"] = "prelu"
    init: Real = 0.25
    """The slope to begin with."""

    @property
    def gain(self) -> float:
        """That of a leaky ReLU of the first slope (arXiv 1502.01852, equation 15); torch lists none."""
        return math.sqrt(2 / (1 + self.init**2))


class ELU(Activation):
    """z above 0, alpha (e^z - 1) below: smooth, with a mean near 0 (torch `ELU`; arXiv 1511.07289)."""

    torch_name = "ELU"
    kind: Literal["elu"] = "elu"
    alpha: Positive = 1.0
    """The floor is minus this."""


class SELU(Activation):
    """An ELU scaled so that layers normalise themselves (torch `SELU`; arXiv 1706.02515)."""

    torch_name = "SELU"
    kind: Literal["selu"] = "selu"

    @property
    def gain(self) -> float:
        return 3 / 4


class GELU(Activation):
    """z times the share of a normal distribution below z: usual in transformers (torch `GELU`; arXiv 1606.08415)."""

    torch_name = "GELU"
    kind: Literal["gelu"] = "gelu"
    approximate: Literal["none", "tanh"] = "none"
    """Exact, or the formula with tanh that some models were trained with."""


class SiLU(Activation):
    """z sigmoid(z), also called swish (torch `SiLU`; arXiv 1710.05941)."""

    torch_name = "SiLU"
    kind: Literal["silu"] = "silu"


class Softplus(Activation):
    """ln(1 + e^(beta z)) / beta: a ReLU without the corner (torch `Softplus`)."""

    torch_name = "Softplus"
    kind: Literal["softplus"] = "softplus"
    beta: Positive = 1.0
    """Larger is nearer to a ReLU."""
    threshold: NonNegative = 20.0
    """Where beta z is above this the function is z itself, for safety with large numbers."""


class Abs(Activation):
    """|z|: a derivative of size 1 everywhere, so weights want a gain of 1 and not the ReLU's (torch `abs`)."""

    kind: Literal["abs"] = "abs"

    def build(self) -> nn.Module:
        from tui_trainer.nn.activations import AbsModule

        return AbsModule()


AnyActivation = Annotated[
    Identity | Sign | Sigmoid | Tanh | ReLU | LeakyReLU | PReLU | ELU | SELU | GELU | SiLU | Softplus | Abs,
    Field(discriminator="kind"),
    BeforeValidator(by_name),
]
"""Every activation; its name alone will do. A new one is a class above and its name here."""
