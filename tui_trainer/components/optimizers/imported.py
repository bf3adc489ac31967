"""An optimizer of the user's own by import path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tui_trainer.components.base import Arguments, ImportPath, Positive
from tui_trainer.components.optimizers.base import Optimizer

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter


class ImportedOptimizer(Optimizer):
    """Your own optimizer: `function(parameters, lr=..., **arguments)` returns a torch optimizer.

    Its state is that of its `state_dict`. It runs code, so the run must be trusted (`--trust`).
    """

    runs_code = True
    kind: Literal["import"] = "import"
    lr: Positive = 1e-3
    path: ImportPath = ""
    """Optimizer class or function, as `module:name`; modules in the working directory are found too."""
    arguments: Annotated[Arguments, Field(default_factory=dict)]
    """Further keyword arguments, such as `betas`."""

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def _torch(self, parameters: Sequence[Parameter]) -> torch.optim.Optimizer:
        from tui_trainer.data.user_code import optimizer

        return optimizer(self.path, parameters, self.lr, self.arguments)
