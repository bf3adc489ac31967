"""A callback for the Trainer of Hugging Face transformers."""

from __future__ import annotations

import inspect
import math
from typing import Any

from tui_trainer.integrations.installed import required
from tui_trainer.integrations.library_loop import LibraryLoop, unwrapped
from tui_trainer.integrations.library_monitor import Declare, LibraryMonitor

_transformers: Any = required("transformers", "transformers")
_Callback: Any = _transformers.TrainerCallback

REFUSED = {
    "SetOptimizer": "the Trainer makes its own optimizer",
    "SetEpochs": "the Trainer was given its epochs: num_train_epochs or max_steps",
    "ShowAnswers": "the Trainer knows its data; declare an action that logs what its model answers",
}
OWN_SERIES = frozenset({"loss", "learning_rate", "epoch", "total_flos", "num_input_tokens_seen"})
"""Names of a log of the Trainer that are recorded in other ways."""


class MonitorCallback(_Callback):
    """Watch and steer a `Trainer`: `Trainer(..., callbacks=[MonitorCallback("my-run")])`.

    The loss of every step is recorded, the sum over the batches that are accumulated for it; what the Trainer logs is
    recorded too, with its evaluations.

    Args:
        name: of the run.
        declare: called with the monitor once it is made, to declare knobs, actions and what is kept.
        options: arguments of `Monitor`: runs_dir, save, best, patience, config, quiet and others.
    """

    def __init__(self, name: str = "trainer", *, declare: Declare | None = None, **options: Any) -> None:
        self._loop = LibraryLoop(name, options, declare)
        self._trainer: Any = None
        self._loss: Any = None
        """The sum of the losses since the last step."""
        self._metrics: dict[str, Any] = {}
        """The metrics that were evaluated at this step."""
        self._epoch_open = False
        """Whether an epoch is over whose evaluation is to come."""

    @property
    def monitor(self) -> LibraryMonitor | None:
        """The monitor of the training; None outside of one. Each of several processes has one."""
        return self._loop.monitor

    # -- the training -----------------------------------------------------------------------------------------------

    def on_train_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> None:
        """Begin the run, with the parts that the Trainer has made by now."""
        self._trainer = trainer = _calling_trainer()
        epochs = max(math.ceil(state.num_train_epochs), 1)
        per_epoch = math.ceil(state.max_steps / state.num_train_epochs) if state.num_train_epochs else 0
        self._loop.begin(
            model=parts.get("model"),
            optimizer=unwrapped(parts.get("optimizer"), "optimizer"),
            scheduler=unwrapped(parts.get("lr_scheduler"), "scheduler"),
            config={key: value for key, value in args.to_sanitized_dict().items() if value not in (None, "")},
            evaluate=self._evaluate if trainer is not None and trainer.eval_dataset is not None else None,
            epochs=epochs,
            per_epoch=per_epoch,
            step=state.global_step,
            epoch=int(state.epoch or 0),
            clip=float(args.max_grad_norm or 0.0),
            refused=REFUSED,
        )
        self._epoch_open, self._metrics, self._loss = False, {}, None
        if trainer is not None and self.monitor is not None:
            trainer.training_step = self._watched(trainer.training_step)

    def _watched(self, training_step: Any) -> Any:
        """Return the Trainer's step over one batch, with its loss added up and its errors written down."""

        def watched(*arguments: Any, **named: Any) -> Any:
            try:
                loss = training_step(*arguments, **named)
            except BaseException as error:
                self._end(error)
                raise
            self._loss = loss if self._loss is None else self._loss + loss
            return loss

        return watched

    def on_step_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> None:
        """Take in that gradients are accumulated from here on."""
        if self.monitor is not None:
            self.monitor.batch_begins()

    def on_step_end(self, args: Any, state: Any, control: Any, **parts: Any) -> Any:
        """Record the step, and let commands take effect."""
        monitor, loss, self._loss = self.monitor, self._loss, None
        if monitor is not None:
            if loss is not None:
                monitor.log(loss=loss)
            monitor.count_step()
        if not self._loop.boundary():
            control.should_training_stop = True
        if monitor is not None:
            args.max_grad_norm = monitor.clip_norm
        self._metrics = {}
        return control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **parts: Any) -> Any:
        """End the epoch, unless it is going to be evaluated first."""
        if control.should_evaluate and not self._metrics:
            self._epoch_open = True
            return control
        return self._end_epoch(control)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **parts: Any) -> Any:
        """Record an evaluation: as the end of an epoch, or where it was taken."""
        found = {name: value for name, value in (metrics or {}).items() if _is_measured(name, value)}
        self._metrics |= found
        if self._epoch_open:
            return self._end_epoch(control)
        if self.monitor is not None and self._loop.runs:
            self.monitor.log_late(found)
        return control

    def _end_epoch(self, control: Any) -> Any:
        self._epoch_open = False
        if self.monitor is not None:
            self.monitor.end_epoch(self._metrics)
            self._metrics = {}
        if self._loop.runs and not self._loop.boundary():
            control.should_training_stop = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **parts: Any) -> None:
        """Record what the Trainer logs beside loss and rate, such as the norm of the gradients."""
        given = logs or {}
        if self.monitor is None or "train_runtime" in given or any(name.startswith("eval_") for name in given):
            return
        own = OWN_SERIES - ({"loss"} if self._trainer is None else set())
        self.monitor.log_late(
            {name: value for name, value in given.items() if name not in own and isinstance(value, (int, float))}
        )

    def on_train_end(self, args: Any, state: Any, control: Any, **parts: Any) -> None:
        """End the run."""
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        if self._trainer is not None:
            vars(self._trainer).pop("training_step", None)
            self._trainer = None
        self._loop.end(error)

    def _evaluate(self) -> dict[str, Any]:
        """Evaluate on command, without what an evaluation of the Trainer's own makes its callbacks do."""
        trainer = self._trainer
        only_loss = True if trainer.compute_metrics is None else None
        measured = trainer.evaluation_loop(trainer.get_eval_dataloader(), "Evaluation", prediction_loss_only=only_loss)
        return {name: value for name, value in measured.metrics.items() if _is_measured(name, value)}


def _is_measured(name: str, value: Any) -> bool:
    """Return whether a metric of an evaluation says something about the model."""
    timed = name.endswith(("_runtime", "_per_second", "_preparation_time")) or name == "epoch"
    return isinstance(value, (int, float)) and not timed


def _calling_trainer() -> Any:
    """Return the Trainer whose loop called: a callback is not told. None where there is none."""
    frame = inspect.currentframe()
    while frame is not None:
        found = frame.f_locals.get("self")
        if isinstance(found, _transformers.Trainer):
            return found
        frame = frame.f_back
    return None
