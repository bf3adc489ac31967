"""One batch with an optimizer that evaluates the loss several times in a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.engine.monitoring import layer_stats
from tui_trainer.errors import UserError
from tui_trainer.optim.closure import Closure

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer


def refuse(choice: AnyOptimizer, clip: float, precision: str) -> None:
    """Raise `UserError` where a step of `choice` would be falsified by how the run treats its gradients."""
    if not choice.needs_closure:
        return
    if clip:
        raise UserError(
            f"optimizer {choice.kind} compares gradients within a step, and clipped ones no longer say how the loss "
            "curves: set training.clip_grad_norm=0"
        )
    if precision not in ("float32", "float64"):
        raise UserError(
            f"optimizer {choice.kind} compares losses that differ little, which {precision} rounds away: set "
            "training.precision=float64, or float32"
        )


def train_batch(trainer: Trainer, inputs: Tensor, targets: Tensor) -> Tensor:
    """Step on one batch. Returns the loss before the step, still on the device.

    Gradient norm and layers are those of the first evaluation: the gradient where the step began.
    """
    shop, step = trainer.shop, trainer.step
    every = trainer.config.training.layers_every
    before = layer_stats.weights_before(shop.layers) if every and step % every == 0 else None
    parameters = shop.parameters
    first: list[Tensor | None] = []

    def forward() -> tuple[Tensor, Tensor]:
        outputs = shop.again(inputs)
        return outputs, shop.objective(outputs, targets)

    def begun() -> None:
        if step % trainer.config.training.norm_every == 0:
            trainer.recorder.add_norm(step + 1, layer_stats.norm_of(layer_stats.gradients_of(parameters)))
        if before is not None:
            first.extend(p.grad.clone() if p.grad is not None else None for p in parameters)

    closure = Closure(forward, parameters, begun)
    trainer.optimizer.step(cast(Any, closure))  # torch says that a closure gives a float; its own take a tensor
    trainer.descent.evaluated(closure.evaluations)
    if before is not None:
        for parameter, gradient in zip(parameters, first, strict=True):
            parameter.grad = gradient
        trainer.recorder.add_layers(step + 1, shop.layers, layer_stats.measure(shop.layers, before))
    trainer.metric.add(closure.outputs, targets)
    return closure.loss
