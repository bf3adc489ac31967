"""Import in advance what a training needs, and build what its first use would build. Runs see no difference."""

from __future__ import annotations

import sklearn.datasets
import torch

from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine import multi_run, run_metadata, trainer
from tui_trainer.engine.checkpointing import restore


def warm_up() -> None:
    """Build the validators of a configuration, and an optimizer: the first one imports much more of torch."""
    assert all((sklearn.datasets, multi_run, run_metadata, trainer, restore))  # importing them is most of the work
    RunConfig()
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
