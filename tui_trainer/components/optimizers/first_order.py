"""Optimizers: torch's own, each with torch's arguments and torch's defaults, and those of `curved`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from tui_trainer.components.base import Count, Decay, NonNegative, Positive, Real, Share
from tui_trainer.components.optimizers.base import Named, Optimizer, is_sparse
from tui_trainer.components.optimizers.second_order import BFGS, LBFGS, Newton, SteepestDescent
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter

Betas = tuple[Decay, Decay]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum or Nesterov's where asked for (torch `SGD`)."""

    torch_name = "SGD"
    fusible = True
    takes_sparse = True
    kind: Literal["sgd"] = "sgd"
    lr: Positive = 1e-3
    momentum: NonNegative = 0.0
    """Share of the last step that is kept: v <- momentum v + g, x <- x - lr v."""
    dampening: Real = 0.0
    """Share of the gradient that does not enter the momentum."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: this much of the weights is added to the gradient."""
    nesterov: bool = False
    """Look ahead along the momentum; needs momentum and no dampening."""

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise UserError("optimizer.nesterov needs momentum above 0 and dampening 0")
        return super()._torch(parameters)


class Adam(Optimizer):
    """Momentum and a step scaled per coordinate, both bias-corrected (torch `Adam`; arXiv 1412.6980)."""

    torch_name = "Adam"
    fusible = True
    kind: Literal["adam"] = "adam"
    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    """Weights of the past in the averages of the gradient and of its square."""
    eps: Positive = 1e-8
    """Added to the root in the denominator."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: this much of the weights is added to the gradient."""
    amsgrad: bool = False
    """Divide by the largest average of the square seen so far."""
    decoupled_weight_decay: bool = False
    """Shrink the weights apart from the gradient, as AdamW does."""
    bias_correction: bool = True
    """Divide the averages by 1 - beta^k in step k, since they start from 0; without it the first step is 3.16 lr."""

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        if self.bias_correction:
            return super()._torch(parameters)
        from tui_trainer.optim import reference

        return reference.ReferenceAdam(parameters, **{name: value for name, value in self if name != "kind"})

    def _own_fields(self) -> set[str]:
        return {"kind", "bias_correction"}


class AdamW(Optimizer):
    """Adam with the weight decay apart from the gradient (torch `AdamW`; arXiv 1711.05101)."""

    torch_name = "AdamW"
    fusible = True
    kind: Literal["adamw"] = "adamw"
    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    """Weights of the past in the averages of the gradient and of its square."""
    eps: Positive = 1e-8
    """Added to the root in the denominator."""
    weight_decay: NonNegative = 0.01
    """Share of the weights, times the rate, by which they shrink at each step."""
    amsgrad: bool = False
    """Divide by the largest average of the square seen so far."""


class NAdam(Optimizer):
    """Adam with Nesterov's look-ahead (torch `NAdam`; Dozat 2016)."""

    torch_name = "NAdam"
    kind: Literal["nadam"] = "nadam"
    lr: Positive = 2e-3
    betas: Betas = (0.9, 0.999)
    """Weights of the past in the averages of the gradient and of its square."""
    eps: Positive = 1e-8
    """Added to the root in the denominator."""
    weight_decay: NonNegative = 0.0
    """L2 penalty, or decoupled decay where that is chosen."""
    momentum_decay: NonNegative = 4e-3
    """How fast the momentum approaches its final value."""
    decoupled_weight_decay: bool = False
    """Shrink the weights apart from the gradient, as AdamW does."""


class RAdam(Optimizer):
    """Adam that waits until its averages can be trusted (torch `RAdam`; arXiv 1908.03265)."""

    torch_name = "RAdam"
    kind: Literal["radam"] = "radam"
    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    """Weights of the past in the averages of the gradient and of its square."""
    eps: Positive = 1e-8
    """Added to the root in the denominator."""
    weight_decay: NonNegative = 0.0
    """L2 penalty, or decoupled decay where that is chosen."""
    decoupled_weight_decay: bool = False
    """Shrink the weights apart from the gradient, as AdamW does."""


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the mean square (torch `Adamax`; arXiv 1412.6980, section 7.1)."""

    torch_name = "Adamax"
    kind: Literal["adamax"] = "adamax"
    lr: Positive = 2e-3
    betas: Betas = (0.9, 0.999)
    """Weights of the past in the average of the gradient and in its decaying maximum."""
    eps: Positive = 1e-8
    """Added to the denominator."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: this much of the weights is added to the gradient."""


class Adagrad(Optimizer):
    """Divide each coordinate by the root of the sum of its squared gradients (torch `Adagrad`; Duchi et al. 2011).

    torch adds eps outside the root: x <- x - lr g / (sqrt(s) + eps). The lecture's slides add it inside.
    """

    torch_name = "Adagrad"
    fusible = True
    fused_on = ("cpu", "cuda")
    kind: Literal["adagrad"] = "adagrad"
    lr: Positive = 1e-2
    lr_decay: NonNegative = 0.0
    """1/t decay of the rate, on top of the schedule."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: this much of the weights is added to the gradient."""
    initial_accumulator_value: NonNegative = 0.0
    """What the sum of squares starts from."""
    eps: Positive = 1e-10
    """Added to the root in the denominator, or to what is under it."""
    eps_inside: bool = False
    """Add eps under the root, as on the lecture's slides: x <- x - lr g / sqrt(s + eps)."""

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        if not self.eps_inside:
            return super()._torch(parameters)
        from tui_trainer.optim import reference

        return reference.ReferenceAdagrad(parameters, **{name: value for name, value in self if name != "kind"})

    def _own_fields(self) -> set[str]:
        return {"kind", "eps_inside"}


class RMSprop(Optimizer):
    """Divide each coordinate by the root of a moving average of its squared gradient (torch `RMSprop`; Hinton 2012)."""

    torch_name = "RMSprop"
    kind: Literal["rmsprop"] = "rmsprop"
    lr: Positive = 1e-2
    alpha: Decay = 0.99
    """Weight of the past in the average; the first step is lr / sqrt(1 - alpha)."""
    eps: Positive = 1e-8
    """Added to the root in the denominator."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: this much of the weights is added to the gradient."""
    momentum: NonNegative = 0.0
    """Share of the last step that is kept."""
    centered: bool = False
    """Divide by the standard deviation and not by the root of the mean square."""


class Adadelta(Optimizer):
    """RMSprop whose rate comes from the size of its own steps (torch `Adadelta`; arXiv 1212.5701)."""

    torch_name = "Adadelta"
    kind: Literal["adadelta"] = "adadelta"
    lr: Positive = 1.0
    rho: Share = 0.9
    """Weight of the past in the averages."""
    eps: Positive = 1e-6
    """Added under the roots."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: this much of the weights is added to the gradient."""


class Adafactor(Optimizer):
    """Adam whose second moment is kept as one row and one column (torch `Adafactor`; arXiv 1804.04235)."""

    torch_name = "Adafactor"
    kind: Literal["adafactor"] = "adafactor"
    lr: Positive = 1e-2
    beta2_decay: Annotated[float, Field(le=0)] = -0.8
    """Power of the step with which the average of the square forgets."""
    eps1: Positive | None = None
    """Added to the squared gradient (torch `eps[0]`); the smallest number of the type where none is given."""
    eps2: Positive = 1e-3
    """Smallest scale of the parameters that the step follows (torch `eps[1]`)."""
    d: Annotated[float, Field(ge=1)] = 1.0
    """Largest root mean square of an update."""
    weight_decay: NonNegative = 0.0
    """Decoupled weight decay."""

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adafactor(
            parameters, lr=self.lr, beta2_decay=self.beta2_decay, eps=(self.eps1, self.eps2), d=self.d,
            weight_decay=self.weight_decay,
        )  # fmt: skip


class ASGD(Optimizer):
    """SGD that also averages its iterates (torch `ASGD`; Polyak and Juditsky 1992)."""

    torch_name = "ASGD"
    kind: Literal["asgd"] = "asgd"
    lr: Positive = 1e-2
    lambd: NonNegative = 1e-4
    """Decay of the iterates."""
    alpha: Positive = 0.75
    """Power with which the inner rate falls."""
    t0: NonNegative = 1e6
    """Step at which the averaging begins."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: this much of the weights is added to the gradient."""


class Rprop(Optimizer):
    """Steps that grow while the sign of a coordinate's gradient holds (torch `Rprop`; Riedmiller and Braun 1993).

    Made for the full batch. The rate is the size of the first step alone: the steps then grow and shrink by themselves.
    """

    torch_name = "Rprop"
    rate_matters = False
    kind: Literal["rprop"] = "rprop"
    lr: Positive = 1e-2
    etas: tuple[Annotated[float, Field(gt=0, lt=1)], Annotated[float, Field(gt=1)]] = (0.5, 1.2)
    """What a step is multiplied by when the sign turns, and when it holds."""
    step_sizes: tuple[Positive, Positive] = (1e-6, 50.0)
    """The smallest and the largest step."""


class _Shared(Optimizer):
    """An optimizer for some of the parameters, with AdamW for the others."""

    other_lr: Positive = 1e-3
    """The rate of AdamW, which steps the parameters that this optimizer cannot; the schedule shapes both alike."""

    def build(self, parameters: Named) -> torch.optim.Optimizer:
        import torch

        from tui_trainer.optim.paired import Pair

        self._check_sparse(parameters)
        mine = [parameter for _, parameter in parameters if self.takes(parameter)]
        others = [parameter for _, parameter in parameters if not self.takes(parameter)]
        if not mine:
            raise UserError(self.refusal)
        first = self._torch(mine)
        if not others:
            return first
        return Pair(first, torch.optim.AdamW(others, lr=self.other_lr))

    refusal: ClassVar[str]

    def takes(self, parameter: Parameter) -> bool:
        """Whether this optimizer can step the parameter."""
        raise NotImplementedError

    def _own_fields(self) -> set[str]:
        return {"kind", "other_lr"}


class Muon(_Shared):
    """Momentum made orthogonal, for matrices; AdamW for vectors (torch `Muon`; Jordan et al. 2024)."""

    torch_name = "Muon"
    refusal = "optimizer muon steps matrices, and this model has none: choose sgd or adam"
    kind: Literal["muon"] = "muon"
    lr: Positive = 1e-3
    weight_decay: NonNegative = 0.1
    """Decoupled weight decay of the matrices."""
    momentum: Decay = 0.95
    """Share of the last step that is kept."""
    nesterov: bool = True
    """Look ahead along the momentum."""
    ns_coefficients: tuple[Real, Real, Real] = (3.4445, -4.775, 2.0315)
    """Coefficients of the Newton-Schulz polynomial."""
    ns_steps: Count = 5
    """Newton-Schulz iterations that make the update orthogonal."""
    eps: Positive = 1e-7
    """Added to the norm before the iterations."""
    adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None
    """How the rate is adjusted to the shape of a matrix."""

    def takes(self, parameter: Parameter) -> bool:
        return parameter.ndim == 2


class SparseAdam(_Shared):
    """Adam that touches only the rows that a batch used; AdamW for all else (torch `SparseAdam`).

    It steps embeddings whose gradient is sparse: `model.sparse_embedding = true`.
    """

    torch_name = "SparseAdam"
    takes_sparse = True
    refusal = (
        "optimizer sparse-adam steps sparse gradients, and this model has none: set model.sparse_embedding=true "
        "(kind transformer) or choose adam"
    )
    kind: Literal["sparse-adam"] = "sparse-adam"
    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    """Weights of the past in the averages of the gradient and of its square."""
    eps: Positive = 1e-8
    """Added to the root in the denominator."""

    def takes(self, parameter: Parameter) -> bool:
        return is_sparse(parameter)


AnyOptimizer = Annotated[
    SGD
    | Adam
    | AdamW
    | NAdam
    | RAdam
    | Adamax
    | Adagrad
    | RMSprop
    | Adadelta
    | Adafactor
    | ASGD
    | Rprop
    | LBFGS
    | SteepestDescent
    | Newton
    | BFGS
    | Muon
    | SparseAdam,
    Field(discriminator="kind"),
]
"""Every optimizer. A new one is a class above and its name here."""
