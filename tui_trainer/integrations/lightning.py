"""A callback for the Trainer of Lightning, in either of its packages."""

from __future__ import annotations

import math
from typing import Any

from tui_trainer.integrations.installed import required
from tui_trainer.integrations.library_loop import STOPS, LibraryLoop
from tui_trainer.integrations.library_monitor import Declare, LibraryMonitor

_Callback: Any = required("lightning", "pytorch_lightning", "lightning.pytorch").Callback

REFUSED = {
    "SetOptimizer": "the LightningModule makes its own optimizer",
    "Evaluate": "Lightning validates between two batches only where its val_check_interval says so",
    "ShowAnswers": "the LightningModule knows its data; declare an action that logs what its model answers",
}


class LightningMonitor(_Callback):
    """Watch and steer a Lightning `Trainer`: `Trainer(..., callbacks=[MonitorCallback("my-run")])`.

    Args:
        name: of the run.
        declare: called with the monitor once it is made, to declare knobs, actions and what is kept.
        options: arguments of `Monitor`: runs_dir, save, best, patience, config, quiet and others.
    """

    def __init__(self, name: str = "lightning", *, declare: Declare | None = None, **options: Any) -> None:
        super().__init__()
        self._loop = LibraryLoop(name, options, declare)
        self._validated = False
        """Whether a validation belongs to this epoch."""

    @property
    def monitor(self) -> LibraryMonitor | None:
        """The monitor of the training; None outside of one. Each of several processes has one."""
        return self._loop.monitor

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run, with the optimizers and schedulers that Lightning has made by now."""
        batches = trainer.num_training_batches
        per_epoch = math.ceil(batches / trainer.accumulate_grad_batches) if math.isfinite(batches) else 0
        optimizers = list(trainer.optimizers)
        named = {f"optimizer-{index + 1}": each for index, each in enumerate(optimizers)}
        config = {key: value for key, value in dict(getattr(pl_module, "hparams", {})).items() if value is not None}
        automatic = bool(pl_module.automatic_optimization)
        self._loop.begin(
            model=pl_module,
            optimizer=named if len(optimizers) > 1 else (optimizers[0] if optimizers else None),
            scheduler=[each.scheduler for each in trainer.lr_scheduler_configs] or None,
            config=config,
            epochs=max(trainer.max_epochs or 0, 0),
            per_epoch=per_epoch,
            step=trainer.global_step,
            epoch=trainer.current_epoch,
            clip=float(trainer.gradient_clip_val or 0.0) if automatic else None,
            refused=REFUSED,
        )
        self._forbid_stop(trainer)

    def _forbid_stop(self, trainer: Any) -> None:
        """Refuse a stop that Lightning would not obey."""
        if self.monitor is None:
            return
        loop = trainer.fit_loop
        missing: list[str] = []
        if loop.min_epochs and loop.epoch_progress.current.processed < loop.min_epochs:
            missing.append(f"min_epochs={loop.min_epochs}")
        if loop.min_steps and trainer.global_step < loop.min_steps:
            missing.append(f"min_steps={loop.min_steps}")
        reason = f"Lightning does not stop before {' and '.join(missing)}" if missing else ""
        self.monitor.refuse(STOPS, reason)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Take in that gradients are accumulated from here on."""
        if self.monitor is not None:
            self.monitor.batch_begins()

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """Have guards look at the gradients."""
        if self.monitor is not None:
            self.monitor.gradients_ready(optimizer)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Record the step, and let commands take effect."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        monitor = self.monitor
        if monitor is not None and loss is not None:
            monitor.log(loss=loss)
        if not self._loop.boundary():
            trainer.should_stop = True
        if monitor is not None:
            self._take_over(trainer, monitor, pl_module)

    def _take_over(self, trainer: Any, monitor: LibraryMonitor, pl_module: Any) -> None:
        """Set what was changed by hand in the Trainer."""
        loop = trainer.fit_loop
        if loop.min_epochs or loop.min_steps:
            self._forbid_stop(trainer)
        if pl_module.automatic_optimization and monitor.clip_norm != (trainer.gradient_clip_val or 0.0):
            trainer.gradient_clip_val = monitor.clip_norm or None
        if (loop.max_epochs or 0) > 0 and monitor.planned_epochs:
            loop.max_epochs = monitor.planned_epochs

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Take in that this epoch was validated."""
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """End the epoch with what the module logged."""
        if self.monitor is not None:
            logged = trainer.callback_metrics
            self.monitor.end_epoch({name: value for name, value in logged.items() if self._is_of_epoch(name)})
            self._forbid_stop(trainer)
        self._validated = False
        if self._loop.runs and not self._loop.boundary():
            trainer.should_stop = True

    def _is_of_epoch(self, name: str) -> bool:
        """Return whether a logged metric belongs to the epoch that ends."""
        if name.startswith("val"):
            return self._validated
        return not name.startswith(("train", "loss")) and not name.endswith("_step")

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End the run."""
        self._loop.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End the run with the error as its reason."""
        self._loop.end(exception)


MonitorCallback = LightningMonitor
"""The name that the callback has in every library."""
