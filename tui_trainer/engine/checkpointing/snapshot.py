"""The state dict of a training as a tree of tensors and plain values: for checkpoints, roll-backs and resuming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.engine import rng
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.protocol.commands import COMMANDS

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer

Tree = dict[str, Any]

MISFITS = (LookupError, ValueError, TypeError, ArithmeticError, RuntimeError, AttributeError)
"""What a tree of another model, optimizer or version raises where it is put back."""


def in_a_line(error: Exception) -> str:
    """What a misfit says of itself, no longer than a message can be."""
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


_OPTIMIZERS: TypeAdapter[AnyOptimizer] = TypeAdapter(AnyOptimizer)


def weights(trainer: Trainer) -> Tree:
    """What a roll-back puts back: the model and the state of its optimizer."""
    shop = trainer.shop
    return {
        "model": shop.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "optimizer_choice": trainer.optimizer_choice.model_dump(mode="json"),
        "scaler": shop.scaler.state_dict() if shop.scaler is not None else {},
        "epoch": trainer.epoch,
        "step": trainer.step,
    }


def put_back(trainer: Trainer, tree: Tree) -> None:
    """Put back what `weights` gave; the state of another kind of optimizer is left out, it means nothing here."""
    trainer.shop.model.load_state_dict(tree["model"])
    if tree["optimizer_choice"]["kind"] == trainer.optimizer_choice.kind:
        trainer.optimizer.load_state_dict(copied(tree["optimizer"]))
        trainer.set_rate()
    if trainer.shop.scaler is not None and tree["scaler"]:
        trainer.shop.scaler.load_state_dict(tree["scaler"])


def checkpoint(trainer: Trainer) -> Tree:
    """Everything that the rest of the run depends on."""
    ending = trainer.ending
    return {
        **weights(trainer),
        "progress": {
            "position": trainer.position,
            "seconds": trainer.watch.read(),
            "epochs": trainer.epochs,
            "clip": trainer.clip,
            "plan": trainer.plan.model_dump(mode="json"),
            "judge": trainer.judge.dump(),
            "metrics": trainer.last_metrics,
            "epoch_loss": trainer.recorder.epoch_loss,
            "epoch_samples": trainer.recorder.epoch_samples,
            "metric": trainer.metric.dump(),
            "extra_evaluations": trainer.descent.extra,
            "diagnosis": trainer.observer.dump(),
            "paused": trainer.paused,
            # What waits while the run is ending is refused, so a run that goes on from here must not find it again.
            "pending": []
            if trainer.finishing
            else [command.model_dump(mode="json") for command in trainer.control.pending()],
            "script": [[step, command.model_dump(mode="json")] for step, command in trainer.script],
            "stop_at_epoch_end": ending.cause.model_dump(mode="json")
            if ending is not None and ending.when == "epoch" and ending.cause is not None and not trainer.finishing
            else None,
        },
        "gradients": trainer.prober.gradients_before(trainer.step),
        "album": trainer.album.dump(),
        "rng": rng.take(trainer.shop.device),
    }


def restore(trainer: Trainer, tree: Tree, *, pending: bool = True) -> None:
    """Go on from what `checkpoint` gave: every later number is the one that the run would have had without a break.

    Args:
        pending: whether what was asked then and not yet obeyed is asked again, and a pause is a pause again.

    Raises:
        one of `MISFITS`: the tree belongs to another model, optimizer or version.
    """
    progress = tree["progress"]
    trainer.epochs, trainer.clip = int(progress["epochs"]), float(progress["clip"])
    trainer.use_optimizer(_OPTIMIZERS.validate_python(tree["optimizer_choice"]))
    trainer.step, trainer.epoch, trainer.position = int(tree["step"]), int(tree["epoch"]), int(progress["position"])
    trainer.plan = LrPlan.model_validate(progress["plan"])
    trainer.judge.load(progress["judge"])
    trainer.last_metrics = dict(progress["metrics"])
    trainer.recorder.epoch_loss = float(progress["epoch_loss"])
    trainer.recorder.epoch_samples = int(progress["epoch_samples"])
    trainer.metric = trainer.new_metric()
    trainer.metric.load(progress["metric"])
    trainer.descent.restore(int(progress.get("extra_evaluations", 0)))
    trainer.watch.set(float(progress["seconds"]))
    put_back(trainer, tree)
    trainer.set_rate()
    trainer.shop.rng = tree["rng"]
    trainer.prober.put_back(tree.get("gradients", []))
    trainer.album.load(tree.get("album", {}))
    if not pending:
        return  # the diagnosis follows from the event that says so
    if "diagnosis" in progress:
        trainer.observer.load(progress["diagnosis"])
    trainer.paused = bool(progress["paused"])
    trainer.follow([(int(step), COMMANDS.validate_python(command)) for step, command in progress.get("script", [])])
    for command in [*progress["pending"], *filter(None, [progress["stop_at_epoch_end"]])]:
        trainer.control.put(COMMANDS.validate_python(command))
