"""Settings of a run that several processes cannot train together."""

from __future__ import annotations

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError

ELEMENTWISE = frozenset(
    ("sgd", "adam", "adamw", "nadam", "radam", "adamax", "adagrad", "rmsprop", "adadelta", "asgd", "rprop")
)
"""Optimizers whose step of a number needs nothing but that number: they step a part as they step the whole."""
SHARDED = (
    "training.sharding = fully-shard: each rank holds a part of weights, gradients and optimizer state; layer "
    "statistics, step probes and pictures are off, because they need the whole model on one rank"
)
_ONE = "the model is sharded, and no rank holds the whole of it"
NOT_SHARDED = {"ShowAnswers": f"{_ONE}: ask a run of its checkpoint", "TryStep": _ONE}
"""Commands that a sharded run cannot carry out, each with the reason."""


def check_shared(config: RunConfig, size: int) -> None:
    """Raise `UserError` where a run cannot be shared out over several processes."""
    training, sharded = config.training, config.training.sharding == "fully-shard"
    check_shared_optimizer(config.optimizer, size, sharded=sharded)
    if sharded and getattr(config.model, "sparse_embedding", False):
        raise UserError(
            "training.sharding = fully-shard: sparse gradients are not shared out: set sparse_embedding=false"
        )
    if sharded and training.average:
        raise UserError("training.sharding = fully-shard: no average of the weights is kept: set training.average = 0")
    if sharded and training.precision == "float16":
        raise UserError(
            "training.sharding = fully-shard: the scaler of float16 is not shared out: choose bfloat16 or float32"
        )
    if config.data.kind == "quadratic":
        raise UserError(f"--processes {size}: a function to minimise has no samples to share out: use one process")


def check_shared_optimizer(optimizer: AnyOptimizer, size: int, *, sharded: bool = False) -> None:
    """Raise `UserError` for an optimizer that several processes cannot step together."""
    if optimizer.needs_closure:
        raise UserError(
            f"--processes {size}: {optimizer.kind} evaluates the loss several times in a step and decides by it when "
            "to stop, which each process would do differently: use another optimizer, or one process"
        )
    if sharded and optimizer.kind not in ELEMENTWISE:
        raise UserError(
            f"training.sharding = fully-shard: {optimizer.kind} needs whole matrices, of which a rank holds a part: "
            f"choose one of {', '.join(sorted(ELEMENTWISE))}"
        )
