"""The base class of optimizer components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from tui_trainer.components.base import RARE, Component, Positive
from tui_trainer.components.optimizers.groups import ParameterGroup
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter

Named = Sequence[tuple[str, "Parameter"]]


class Optimizer(Component):
    """An optimizer: a description that builds a torch optimizer."""

    torch_name: ClassVar[str]
    """The class in `torch.optim`, for optimizers that torch has."""
    fusible: ClassVar[bool] = False
    """Whether torch has a fused implementation, which is faster and rounds differently."""
    fused_on: ClassVar[tuple[str, ...]] = ("cpu", "cuda", "mps")
    """Device types with a fused implementation."""
    rate_matters: ClassVar[bool] = True
    """Whether a new learning rate changes the steps after the first one."""
    takes_sparse: ClassVar[bool] = False
    """Whether the optimizer supports sparse gradients, without weight decay."""
    needs_closure: ClassVar[bool] = False
    """Whether a step evaluates the loss several times; meant for full batches."""

    lr: Positive
    """Learning rate; the schedule changes it over time."""
    groups: Annotated[tuple[ParameterGroup, ...], Field(json_schema_extra=RARE)] = ()
    """Groups of parameters with multiples of the learning rate; a parameter is in the first that matches its name."""

    def settings(self) -> dict[str, Any]:
        """Return the fields that are settings of the torch class."""
        return {name: value for name, value in self if name not in ("kind", "groups")}

    def build(self, parameters: Named) -> torch.optim.Optimizer:
        """Build the torch optimizer over `parameters` (name, parameter).

        Raises:
            UserError: a parameter is not of a kind that this optimizer can step.
        """
        self._check_sparse(parameters)
        return self._torch([parameter for _, parameter in parameters])

    def _check_sparse(self, parameters: Named) -> None:
        for name, parameter in parameters:
            if is_sparse(parameter) and not self.takes_sparse:
                raise UserError(
                    f"optimizer {self.kind} cannot step {name!r}, whose gradient is sparse: choose sparse-adam or sgd, "
                    "or set model.sparse_embedding=false"
                )
            if is_sparse(parameter) and getattr(self, "weight_decay", 0.0):
                raise UserError(
                    f"optimizer.weight_decay would shrink all of {name!r}, and its gradient is sparse: set it to 0, or "
                    "model.sparse_embedding=false"
                )

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        import torch

        arguments = {name: value for name, value in self.settings().items() if name not in self._own_fields()}
        if self.fusible and all(
            p.is_floating_point() and p.device.type in self.fused_on and not is_sparse(p) and not is_part(p)
            for p in parameters
        ):
            arguments["fused"] = True
        return getattr(torch.optim, self.torch_name)(parameters, **arguments)

    def _own_fields(self) -> set[str]:
        """Return the fields that are not arguments of the torch class."""
        return {"kind"}


def is_part(parameter: Parameter) -> bool:
    """Return whether a parameter is shared out over several ranks: torch has no fused step for all such."""
    return hasattr(parameter, "device_mesh")


def is_sparse(parameter: Parameter) -> bool:
    """Return whether the gradient of a parameter is sparse; its layer marks the parameter."""
    return getattr(parameter, "sparse_gradient", False)
