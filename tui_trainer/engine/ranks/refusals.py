"""Settings of a run that several processes cannot train together."""

from __future__ import annotations

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError


def check_shared(config: RunConfig, size: int) -> None:
    """Raise `UserError` where a run cannot be shared out over several processes."""
    check_shared_optimizer(config.optimizer, size)
    if config.data.kind == "quadratic":
        raise UserError(f"--processes {size}: a function to minimise has no samples to share out: use one process")


def check_shared_optimizer(optimizer: AnyOptimizer, size: int) -> None:
    """Raise `UserError` for an optimizer that several processes cannot step together."""
    if optimizer.needs_closure:
        raise UserError(
            f"--processes {size}: {optimizer.kind} evaluates the loss several times in a step and decides by it when "
            "to stop, which each process would do differently: use another optimizer, or one process"
        )
