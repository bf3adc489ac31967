"""First-order optimizers of torch, with torch's arguments and defaults, and the union of all optimizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from tui_trainer.components.base import Count, Decay, NonNegative, Positive, Real, Share
from tui_trainer.components.optimizers.base import Named, Optimizer, is_sparse
from tui_trainer.components.optimizers.imported import ImportedOptimizer
from tui_trainer.components.optimizers.second_order import BFGS, LBFGS, Newton, SteepestDescent
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter

Betas = tuple[Decay, Decay]


class SGD(Optimizer):
    """Stochastic gradient descent, optionally with momentum or Nesterov momentum (torch `SGD`)."""

    torch_name = "SGD"
    fusible = True
    takes_sparse = True
    kind: Literal["sgd"] = "sgd"
    lr: Positive = 1e-3
    momentum: NonNegative = 0.0
    """Momentum factor: v <- momentum v + g, x <- x - lr v."""
    dampening: Real = 0.0
    """Dampening of the momentum: v <- momentum v + (1 - dampening) g."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: weight_decay times the weights is added to the gradient."""
    nesterov: bool = False
    """Use Nesterov momentum; requires momentum and zero dampening."""

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise UserError("optimizer.nesterov needs momentum above 0 and dampening 0")
        return super()._torch(parameters)


class Adam(Optimizer):
    """Bias-corrected momentum and a scale per coordinate (torch `Adam`; arXiv 1412.6980)."""

    torch_name = "Adam"
    fusible = True
    kind: Literal["adam"] = "adam"
    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    """Decay rates of the moving averages of the gradient and its square."""
    eps: Positive = 1e-8
    """Added to the denominator for numerical stability."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: weight_decay times the weights is added to the gradient."""
    amsgrad: bool = False
    """Use the AMSGrad variant: divide by the maximum of the average square so far."""
    decoupled_weight_decay: bool = False
    """Decouple the weight decay from the gradient, as in AdamW."""
    bias_correction: bool = True
    """Divide the averages by 1 - beta^k in step k, since they start from 0; without it the first step is 3.16 lr."""

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        if self.bias_correction:
            return super()._torch(parameters)
        from tui_trainer.optim import reference

        return reference.ReferenceAdam(parameters, **self.settings())

    def _own_fields(self) -> set[str]:
        return {"kind", "bias_correction"}


class AdamW(Optimizer):
    """Adam with decoupled weight decay (torch `AdamW`; arXiv 1711.05101)."""

    torch_name = "AdamW"
    fusible = True
    kind: Literal["adamw"] = "adamw"
    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    """Decay rates of the moving averages of the gradient and its square."""
    eps: Positive = 1e-8
    """Added to the denominator for numerical stability."""
    weight_decay: NonNegative = 0.01
    """Decoupled weight decay: the weights shrink by lr * weight_decay at each step."""
    amsgrad: bool = False
    """Use the AMSGrad variant: divide by the maximum of the average square so far."""


class NAdam(Optimizer):
    """Adam with Nesterov momentum (torch `NAdam`; Dozat 2016)."""

    torch_name = "NAdam"
    kind: Literal["nadam"] = "nadam"
    lr: Positive = 2e-3
    betas: Betas = (0.9, 0.999)
    """Decay rates of the moving averages of the gradient and its square."""
    eps: Positive = 1e-8
    """Added to the denominator for numerical stability."""
    weight_decay: NonNegative = 0.0
    """L2 penalty, or decoupled weight decay if selected below."""
    momentum_decay: NonNegative = 4e-3
    """Decay rate of the momentum schedule."""
    decoupled_weight_decay: bool = False
    """Decouple the weight decay from the gradient, as in AdamW."""


class RAdam(Optimizer):
    """Adam with a rectified variance in the first steps (torch `RAdam`; arXiv 1908.03265)."""

    torch_name = "RAdam"
    kind: Literal["radam"] = "radam"
    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    """Decay rates of the moving averages of the gradient and its square."""
    eps: Positive = 1e-8
    """Added to the denominator for numerical stability."""
    weight_decay: NonNegative = 0.0
    """L2 penalty, or decoupled weight decay if selected below."""
    decoupled_weight_decay: bool = False
    """Decouple the weight decay from the gradient, as in AdamW."""


class Adamax(Optimizer):
    """Adam with the infinity norm instead of the mean square (torch `Adamax`; arXiv 1412.6980, section 7.1)."""

    torch_name = "Adamax"
    kind: Literal["adamax"] = "adamax"
    lr: Positive = 2e-3
    betas: Betas = (0.9, 0.999)
    """Decay rates of the average gradient and of its decaying maximum."""
    eps: Positive = 1e-8
    """Added to the denominator."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: weight_decay times the weights is added to the gradient."""


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
    """1/t decay of the learning rate, in addition to the schedule."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: weight_decay times the weights is added to the gradient."""
    initial_accumulator_value: NonNegative = 0.0
    """Initial value of the sum of squares."""
    eps: Positive = 1e-10
    """Added to the denominator, outside or inside the root."""
    eps_inside: bool = False
    """Add eps inside the root, as in the lecture: x <- x - lr g / sqrt(s + eps)."""

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        if not self.eps_inside:
            return super()._torch(parameters)
        from tui_trainer.optim import reference

        return reference.ReferenceAdagrad(parameters, **self.settings())

    def _own_fields(self) -> set[str]:
        return {"kind", "eps_inside"}


class RMSprop(Optimizer):
    """Divide each coordinate by the root of a moving average of its squared gradient (torch `RMSprop`; Hinton 2012)."""

    torch_name = "RMSprop"
    kind: Literal["rmsprop"] = "rmsprop"
    lr: Positive = 1e-2
    alpha: Decay = 0.99
    """Decay rate of the average square; the first step is lr / sqrt(1 - alpha)."""
    eps: Positive = 1e-8
    """Added to the denominator for numerical stability."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: weight_decay times the weights is added to the gradient."""
    momentum: NonNegative = 0.0
    """Momentum factor."""
    centered: bool = False
    """Divide by the standard deviation of the gradient instead of its root mean square."""


class Adadelta(Optimizer):
    """RMSprop scaled by the root mean square of its own updates (torch `Adadelta`; arXiv 1212.5701)."""

    torch_name = "Adadelta"
    kind: Literal["adadelta"] = "adadelta"
    lr: Positive = 1.0
    rho: Share = 0.9
    """Decay rate of the averages."""
    eps: Positive = 1e-6
    """Added inside the roots for numerical stability."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: weight_decay times the weights is added to the gradient."""


class Adafactor(Optimizer):
    """Adam with a factored second moment: one row and one column (torch `Adafactor`; arXiv 1804.04235)."""

    torch_name = "Adafactor"
    kind: Literal["adafactor"] = "adafactor"
    lr: Positive = 1e-2
    beta2_decay: Annotated[float, Field(le=0)] = -0.8
    """Exponent of the decay rate of the second moment."""
    eps1: Positive | None = None
    """Added to the squared gradient (torch `eps[0]`); if not given, the machine epsilon of the type."""
    eps2: Positive = 1e-3
    """Lower bound on the parameter scale (torch `eps[1]`)."""
    d: Annotated[float, Field(ge=1)] = 1.0
    """Clipping threshold of the update's root mean square (torch `d`)."""
    weight_decay: NonNegative = 0.0
    """Decoupled weight decay."""

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adafactor(
            parameters, lr=self.lr, beta2_decay=self.beta2_decay, eps=(self.eps1, self.eps2), d=self.d,
            weight_decay=self.weight_decay,
        )  # fmt: skip


class ASGD(Optimizer):
    """SGD with averaged iterates (torch `ASGD`; Polyak and Juditsky 1992)."""

    torch_name = "ASGD"
    kind: Literal["asgd"] = "asgd"
    lr: Positive = 1e-2
    lambd: NonNegative = 1e-4
    """Decay term (torch `lambd`)."""
    alpha: Positive = 0.75
    """Exponent of the learning rate decay."""
    t0: NonNegative = 1e6
    """Step at which averaging starts (torch `t0`)."""
    weight_decay: NonNegative = 0.0
    """L2 penalty: weight_decay times the weights is added to the gradient."""


class Rprop(Optimizer):
    """Resilient backpropagation: steps from gradient signs (torch `Rprop`; Riedmiller and Braun 1993).

    Made for the full batch. The rate is the size of the first step alone: the steps then grow and shrink by themselves.
    """

    torch_name = "Rprop"
    rate_matters = False
    kind: Literal["rprop"] = "rprop"
    lr: Positive = 1e-2
    etas: tuple[Annotated[float, Field(gt=0, lt=1)], Annotated[float, Field(gt=1)]] = (0.5, 1.2)
    """Factors on the step size when the gradient's sign changes, and when it does not."""
    step_sizes: tuple[Positive, Positive] = (1e-6, 50.0)
    """Smallest and largest step size."""


class _Shared(Optimizer):
    """An optimizer for some of the parameters, with AdamW for the others."""

    other_lr: Positive = 1e-3
    """Learning rate of AdamW for all other parameters; the schedule scales both rates alike."""

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
        return Pair(first, torch.optim.AdamW(others, lr=self.other_lr, weight_decay=self._decay_of_others()))

    def _decay_of_others(self) -> float:
        """Return the weight decay of AdamW for the other parameters."""
        return 0.01

    refusal: ClassVar[str]

    def takes(self, parameter: Parameter) -> bool:
        """Return whether this optimizer can step the parameter."""
        raise NotImplementedError

    def _own_fields(self) -> set[str]:
        return {"kind", "other_lr"}


class Muon(_Shared):
    """Orthogonalised momentum for matrices, AdamW for vectors (torch `Muon`; Jordan et al. 2024)."""

    torch_name = "Muon"
    refusal = "optimizer muon steps matrices, and this model has none: choose sgd or adam"
    kind: Literal["muon"] = "muon"
    lr: Positive = 1e-3
    weight_decay: NonNegative = 0.1
    """Decoupled weight decay of the matrices."""
    other_weight_decay: NonNegative = 0.01
    """Decoupled weight decay of AdamW for all other parameters."""
    momentum: Decay = 0.95
    """Momentum factor."""
    nesterov: bool = True
    """Use Nesterov momentum."""
    ns_coefficients: tuple[Real, Real, Real] = (3.4445, -4.775, 2.0315)
    """Coefficients of the Newton-Schulz polynomial."""
    ns_steps: Count = 5
    """Number of Newton-Schulz iterations."""
    eps: Positive = 1e-7
    """Added to the norm for numerical stability."""
    adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None
    """Adjustment of the learning rate to the matrix shape."""

    def takes(self, parameter: Parameter) -> bool:
        return parameter.ndim == 2

    def _decay_of_others(self) -> float:
        return self.other_weight_decay

    def _own_fields(self) -> set[str]:
        return {*super()._own_fields(), "other_weight_decay"}


class SparseAdam(_Shared):
    """Adam for sparse gradients, which updates only the rows in use; AdamW for the rest (torch `SparseAdam`).

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
    """Decay rates of the moving averages of the gradient and its square."""
    eps: Positive = 1e-8
    """Added to the denominator for numerical stability."""

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
    | SparseAdam
    | ImportedOptimizer,
    Field(discriminator="kind"),
]
"""Every optimizer. To add one, write a class above and add its name here."""
