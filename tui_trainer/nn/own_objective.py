"""A loss of the user's own by import path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from tui_trainer.data.user_code import callable_of
from tui_trainer.errors import UserError
from tui_trainer.nn.objectives import Objective

KEY = "loss.path"


class OwnObjective(Objective):
    """Calls the user's loss with the outputs of the model and the targets.

    Args:
        path: import path of a function, or of a class whose objects are called.
        arguments: keyword arguments of the function or the class.
        classes: whether the targets are class ids.

    Raises:
        UserError: there is no such code, or it cannot be used as a loss.
    """

    def __init__(self, path: str, arguments: Mapping[str, Any], *, classes: bool) -> None:
        self._path = path
        self._cost = callable_of(path, KEY, arguments)
        self._classes = classes
        if isinstance(self._cost, nn.Module) and any(each.requires_grad for each in self._cost.parameters()):
            raise UserError(
                f"{KEY} = {path!r}: the loss has parameters of its own, which no optimizer would train: "
                "put them into the model"
            )

    def to(self, like: Tensor) -> None:
        """Move the buffers of a loss that is a module to the device of a tensor."""
        if isinstance(self._cost, nn.Module):
            self._cost.to(like.device)

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        loss = self._cost(outputs, targets)
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.is_floating_point():
            given = f"a tensor {list(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
            raise UserError(
                f"{KEY} = {self._path!r}: returned {given}, and must return the mean over the batch, a tensor with one "
                "number: loss.mean()"
            )
        return loss.reshape(())

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Try the loss on a few samples. Raises `UserError` if it fails or has no gradient."""
        leaf = outputs.detach().requires_grad_()
        try:
            loss = self(leaf, targets)
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - code of the user's own may fail in any way
            raise UserError(
                f"{KEY} = {self._path!r}: with outputs {list(outputs.shape)} and targets {list(targets.shape)} of "
                f"{str(targets.dtype).removeprefix('torch.')}: {type(error).__name__}: {error}"
            ) from None
        if not loss.requires_grad:
            raise UserError(
                f"{KEY} = {self._path!r}: the result does not depend on the outputs as torch sees it: use torch's "
                "functions, and no .item() or .detach()"
            )

    def predict(self, outputs: Tensor) -> Tensor:
        if not self._classes:
            return outputs
        return (outputs.squeeze(-1) > 0).long() if outputs.shape[-1] == 1 else outputs.argmax(-1)
