"""One run, trained. The loop:

for epoch in the run:
    for batch in the epoch's order of the samples:
        safe point: obey what was asked
        rate <- plan(step)
        loss <- model(batch); backward; clip; step
        record
    validate; is it the best?; drop the rate on a plateau; stop early?; save   (`epoch_end`)
validate once more; put the best back; save; say why it ended                  (`ending`)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import perf_counter

import torch
from torch import Tensor

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.run_config import RunConfig
from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.engine import rng, run_events, setup
from tui_trainer.engine.checkpointing import snapshot
from tui_trainer.engine.checkpointing.checkpointer import Checkpointer
from tui_trainer.engine.commands.handlers import apply_command
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.commands.undo import UndoEntry
from tui_trainer.engine.ending import Ending, finish
from tui_trainer.engine.epoch_end import end_epoch
from tui_trainer.engine.evaluation.early_stopper import EarlyStopper, Metrics
from tui_trainer.engine.evaluation.evaluate import evaluate
from tui_trainer.engine.evaluation.metrics import Metric, metric_for
from tui_trainer.engine.fast_path import fused_step
from tui_trainer.engine.monitoring import layer_stats, step_probe
from tui_trainer.engine.monitoring.layer_stats import finite
from tui_trainer.engine.monitoring.optimality import OptimalityMonitor
from tui_trainer.engine.monitoring.recorder import Recorder, Timer, columns
from tui_trainer.engine.pictures.recorder import PictureRecorder
from tui_trainer.engine.steps import closure
from tui_trainer.optim.imported_scheduler import sampled_plan
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.runs.run_dir import RunDir

Publish = Callable[[ev.AnyEvent], None]


class Trainer:
    """Trains one run in whatever thread calls it, a batch at a time.

    Args:
        run: the run's name.
        config: what it is made of.
        publish: takes every event.
        control: where its commands come from.
    """

    def __init__(
        self, run: str, config: RunConfig, publish: Publish, control: CommandQueue, *, title: str = "", preset: str = ""
    ) -> None:
        self.run_name = run
        self.config = config
        self.observer = DiagnosisMonitor(publish)
        self.publish = publish = self.observer.publish
        self.control = control
        self.title = title or config.title or run
        self.preset = preset
        self.watch = Timer()
        self.recorder = Recorder(publish, self.watch)
        self.judge = EarlyStopper(config.early_stopping)
        self.step = 0
        """Optimizer steps taken."""
        self.epoch = 0
        """Epochs ended."""
        self.position = 0
        """Batches of the current epoch that have been trained."""
        self.epochs = config.training.epochs
        self.clip = config.training.clip_grad_norm
        self.rate = 0.0
        self.last_metrics: Metrics = {}
        self.best_weights: snapshot.Tree | None = None
        self.best_is_saved = True
        self._paced = config.training.steps_per_second > 0
        self._stepped_at = 0.0
        """When the last step was taken, where they keep a pace."""
        self.paused = False
        self.steps_allowed = 0
        """Batches that may still be trained while paused."""
        self.rewound = False
        """Whether an undo has just moved the clock back."""
        self.undo_stack: list[UndoEntry] = []
        self.script: list[tuple[int, AnyCommand]] = []
        """Commands of an earlier run, to be obeyed again at their steps."""
        self._scripted = -1
        self.ending: Ending | None = None
        self.finishing = False
        self.over = False
        """Whether nothing will be obeyed any more."""
        self.exit_code = 0
        self.saver: Checkpointer | None = None
        self.optimizer_choice: AnyOptimizer = config.optimizer
        self.shop: setup.TrainingSetup
        self.optimizer: torch.optim.Optimizer
        self.prober: step_probe.StepProber
        self.metric: Metric
        self.plan: LrPlan
        self.descent: OptimalityMonitor

    # -- setting up -------------------------------------------------------------------------------------------------

    def set_up(self) -> None:
        """Build data, model and optimizer. Raises `UserError` where that is not possible; nothing has been written."""
        self.shop = setup.set_up(self.config, self.log)
        self.descent = OptimalityMonitor(self.config, self.shop, self.recorder)
        self.prober = step_probe.StepProber(self.shop, self.config.training.probe_every)
        self.use_optimizer(self.config.optimizer)
        self.metric = self.new_metric()
        self.plan = LrPlan.begin(
            self.config.scheduler,
            self.config.optimizer.lr,
            step=0,
            end=self.epochs * self.steps_per_epoch,
            steps_per_epoch=self.steps_per_epoch,
        )
        self.set_rate()
        self.album = PictureRecorder(self)

    def use_optimizer(self, choice: AnyOptimizer) -> None:
        """Step with this optimizer from now on, its state empty. Raises `UserError` where it cannot step the model."""
        closure.refuse(choice, self.clip, self.config.training.precision)
        self.optimizer = setup.optimizer_for(choice, self.shop.model)
        self.optimizer_choice = choice
        self._parameters = self.shop.parameters
        self._train = partial(closure.train_batch, self) if choice.needs_closure else self._train_batch
        self._step_optimizer = fused_step.bind_step(self.optimizer)

    def new_metric(self) -> Metric:
        """The task's metric, empty."""
        return metric_for(self.shop.data, self.shop.objective)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch."""
        return self.shop.batches.per_epoch

    def begin(self, folder: RunDir | None, mark_journal: Callable[[], dict[str, int]] = dict) -> None:
        """Say what the run is made of, and save it in the folder from now on.

        Args:
            mark_journal: makes what has been published durable, and says how far the journal then reaches.
        """
        self._mark_journal = mark_journal
        if folder is not None:
            self.saver = Checkpointer(folder, self.config.checkpoints, self.publish)
            self.saver.rest(self.watch.read(), perf_counter())
        self.publish(run_events.started(self, str(folder.path) if folder is not None else ""))
        run_events.publish_schedule(self)
        self.enter("paused" if self.paused else "running")

    def log(self, line: str) -> None:
        """A line for the log pane."""
        self.publish(ev.Logged(lines=[line], source="trainer", step=self.step))

    def enter(self, status: ev.Status, detail: str = "", cause: AnyCommand | None = None) -> None:
        """Say that the run is in another state."""
        self.publish(ev.StatusChanged(status=status, step=self.step, epoch=self.epoch, detail=detail, cause=cause))

    # -- the loop ---------------------------------------------------------------------------------------------------

    def run(self) -> Iterator[bool]:
        """Train to the end, one batch at each `next`; yields whether anything was done (False while paused)."""
        self.resume_rng()
        self.watch.start()
        if self.step == 0:
            self.descent.record(0)
        self.album.begin()
        while self._more_to_train:
            self.set_rate()
            yield from self._train_epoch()
            if self.rewound:
                self.rewound = False
                continue
            if self.position < self.steps_per_epoch or self.broken:
                break
            end_epoch(self)
        finish(self)

    @property
    def _more_to_train(self) -> bool:
        """Whether another epoch follows: as planned, or because somebody made the run longer where it would end.

        A run that was taken up again after it had ended is replayed in the same way: its script goes on at that step.
        """
        if self.epoch < self.epochs and self.ending is None:
            return True
        scripted = bool(self.script) and self.script[0][0] <= self.step
        if self.broken or not (scripted or (self.control.waiting and self.ending is None)):
            return False
        ended, self.ending = self.ending, None
        self._follow_script()
        while (command := self.control.take()) is not None:
            apply_command(self, command)
        self.rewound = False
        if self.ending is None and self.epoch >= self.epochs:
            self.ending = ended
        return self.ending is None and self.epoch < self.epochs

    def resume_rng(self) -> None:
        """Draw from this run's own streams from now on."""
        rng.put(self.shop.rng, self.shop.device)

    @property
    def broken(self) -> bool:
        """Whether the loss is no longer finite."""
        return self.ending is not None and self.ending.reason == "not-finite"

    def _train_epoch(self) -> Iterator[bool]:
        """The batches of one epoch that have not been trained yet."""
        self.shop.model.train()
        for inputs, targets in self.shop.batches.epoch(self.epoch, self.position):
            if self.control.waiting or self.paused or self.step == self._scripted:
                yield from self._safe_point()
                if self.rewound or (self.ending is not None and self.ending.when == "batch"):
                    return
            if self._moves_each_step:
                self._give_rate()
            loss = self._train(inputs, targets)
            self.step += 1
            self.position += 1
            if self.descent.active:
                self.descent.record(self.step)
            if self.album.follows:
                self.album.follow()
            if self.recorder.add(self.step, loss, self.rate, len(inputs)) or self._save_now:
                if self.flush():
                    return
                if self.save_is_due and self.position < self.steps_per_epoch:
                    self.save()
            if self._paced:
                self._keep_pace()
            yield True
        # The epoch's numbers are complete only when its last losses have been read.
        self.flush()

    def _keep_pace(self) -> None:
        """Wait until the next step is due; what is asked meanwhile is obeyed at once."""
        self.control.rest(self._stepped_at + 1 / self.config.training.steps_per_second - perf_counter())
        self._stepped_at = perf_counter()

    def _train_batch(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """One batch: forward, backward, clip, step. Returns the loss before the step, still on the device."""
        probe = self.prober.begin(self.step)
        scaler = self.shop.scaler
        if self.shop.passes is not None:
            loss, outputs = self.shop.passes(inputs, targets)
        else:
            loss, outputs = self._through_autograd(inputs, targets)
        self.prober.look(loss)
        if probe is not None:
            probe.before_step()
        if self.clip or self.step % self.config.training.norm_every == 0:
            self._measure_norm()
        every = self.config.training.layers_every
        before = layer_stats.weights_before(self.shop.layers) if every and self.step % every == 0 else None
        if scaler is not None:
            scaler.step(self.optimizer)
            scaler.update()
        else:
            self._step_optimizer()
        if probe is not None:
            self.recorder.add_probe(self.step + 1, probe.after_step(inputs, targets, loss))
        if before is not None:
            self.recorder.add_layers(self.step + 1, self.shop.layers, layer_stats.measure(self.shop.layers, before))
        self.metric.add(outputs, targets)
        return loss.detach()

    def _through_autograd(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Forward and backward pass: the loss, the outputs, and each parameter's `grad`."""
        for parameter in self._parameters:
            parameter.grad = None
        with self.shop.autocast:
            outputs = self.shop.forward(inputs)
            loss = self.shop.objective(outputs, targets)
        if self.shop.scaler is not None:
            self.shop.scaler.scale(loss).backward()
            self.shop.scaler.unscale_(self.optimizer)
        else:
            loss.backward()
        return loss, outputs

    def _measure_norm(self) -> None:
        """Record the global gradient norm; with clipping on, scale the gradients down to the threshold."""
        norm = layer_stats.norm_of(layer_stats.gradients_of(self._parameters))
        if self.clip:
            torch.nn.utils.clip_grads_with_norm_(self._parameters, self.clip, norm)
        self.recorder.add_norm(self.step + 1, norm)

    def set_rate(self) -> None:
        """Give the optimizer the rate of the coming batch, by a plan that may be a new one."""
        self.plan = sampled_plan(self.plan)
        self._moves_each_step = self.plan.scheduler.changes_each == "step"
        self._give_rate()

    def _give_rate(self) -> None:
        self.rate = self.plan.rate(self.step, self.judge.watched)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group["ratio"]

    def flush(self) -> bool:
        """Publish what was recorded; True where the loss is no longer finite, which ends the run."""
        broken = self.recorder.flush()
        if broken is None:
            return False
        self.step = broken[0]
        self.publish(run_events.broke(self, broken[1]))
        self.ending = Ending("not-finite", run_events.not_finite(*broken))
        self.exit_code = 1
        return True

    # -- between batches --------------------------------------------------------------------------------------------

    def _safe_point(self) -> Iterator[bool]:
        """Obey what was asked; stay here while paused."""
        while True:
            self._follow_script()
            while not self.rewound and (command := self.control.take()) is not None:
                self.flush()
                apply_command(self, command)
            if self.rewound:
                # Paused or not, the batches under way belong to the branch that was left: begin the epoch's anew.
                return
            if self.ending is not None or not self.paused:
                return
            if self.steps_allowed > 0:
                self.steps_allowed -= 1
                return
            self.flush()
            self.watch.stop()
            yield False
            self.watch.start()

    def follow(self, script: Sequence[tuple[int, AnyCommand]]) -> None:
        """Obey these commands at these steps, as if somebody asked for them there."""
        self.script = list(script)
        self._scripted = self.script[0][0] if self.script else -1

    def _follow_script(self) -> None:
        while self.script and self.script[0][0] <= self.step:
            self.control.put(self.script.pop(0)[1])
        self._scripted = self.script[0][0] if self.script else -1

    # -- measuring --------------------------------------------------------------------------------------------------

    @property
    def _save_now(self) -> bool:
        every = self.config.checkpoints.every_steps
        return every > 0 and self.step % every == 0

    @property
    def save_is_due(self) -> bool:
        return self.saver is not None and (self._save_now or self.saver.due(self.watch.read()))

    def validate(self) -> Metrics | None:
        """Loss and metrics over the validation split, None where a second request to stop cut it short."""
        shop = self.shop
        found = evaluate(shop.model, shop.objective, shop.data, shop.data.validation, lambda: self.control.hurried)
        return {f"val_{name}": finite(value) for name, value in found.items()} if found is not None else None

    def publish_metrics(self, metrics: Metrics, cause: AnyCommand | None = None) -> None:
        """Measurements at this step, outside the end of an epoch."""
        self.last_metrics |= metrics
        values = {name: [math.nan if value is None else value] for name, value in metrics.items()}
        self.publish(columns(self.step, [self.step], [round(self.watch.read(), 4)], values, cause))

    # -- saving -----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Save the run as it stands, and its best epoch where that is not on disk yet."""
        if self.saver is None:
            return
        begun = perf_counter()
        self.flush()
        tree = snapshot.checkpoint(self) | {"journal": self._mark_journal()}
        best = self.judge.best
        new_best = None if self.best_is_saved and self.saver.has_best else self.best_weights
        best_epoch = best.epoch if best is not None else 0
        if self.saver.save_last(tree, step=self.step, epoch=self.epoch, best=new_best, best_epoch=best_epoch):
            self.best_is_saved = True
            if self.position == 0:
                self.saver.keep_epoch(self.epoch)
        self.saver.rest(self.watch.read(), begun)
