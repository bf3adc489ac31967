"""The built-in training loop. `Trainer.run` and `Trainer._train_epoch` are the loop from top to bottom:

for each epoch:
    for each batch:
        apply the commands that wait
        set the learning rate
        forward, backward, clip, update          (`steps/measured.py`)
        record
    validate, judge, publish, save               (`epoch_end.py`)
validate, restore the best weights, test, save   (`ending.py`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import perf_counter

from torch import Tensor

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.run_config import RunConfig
from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.engine import rng, setup
from tui_trainer.engine.checkpointing.checkpointer import Checkpointer
from tui_trainer.engine.checkpointing.save import save_is_due, save_run, step_save_is_due
from tui_trainer.engine.commands.actions import planned_actions
from tui_trainer.engine.commands.handlers import apply_command
from tui_trainer.engine.commands.knobs import BuiltInKnobs
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.ending import finish
from tui_trainer.engine.epoch_end import end_epoch
from tui_trainer.engine.evaluation.class_counts import check_class
from tui_trainer.engine.evaluation.early_stopper import EarlyStopper
from tui_trainer.engine.evaluation.evaluate import evaluate
from tui_trainer.engine.evaluation.measuring import Measuring
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.events.flush import check_weights, flush
from tui_trainer.engine.events.run_events import (
    publish_findings,
    publish_numbers,
    publish_schedule,
    publish_status,
    run_started,
)
from tui_trainer.engine.guarding.firing import after_epoch, keep_copies, watch_step
from tui_trainer.engine.guarding.guard_commands import arm_planned
from tui_trainer.engine.monitoring.optimality import OptimalityMonitor
from tui_trainer.engine.monitoring.recorder import Recorder, seconds_of_add
from tui_trainer.engine.monitoring.step_log import StepLog
from tui_trainer.engine.monitoring.step_probe import StepProber
from tui_trainer.engine.monitoring.system_load import ProcessLoad, SystemLoad
from tui_trainer.engine.pictures.base import PictureContext
from tui_trainer.engine.pictures.recorder import PictureRecorder
from tui_trainer.engine.ranks.ranks import JoinedRanks
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.steps.closure import check_closure_settings
from tui_trainer.engine.steps.measured import MeasuredStep
from tui_trainer.engine.steps.optimizer_handle import OptimizerHandle
from tui_trainer.engine.steps.schedule import apply_lr, apply_schedule
from tui_trainer.engine.train_state import TrainState
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.runs.run_dir import RunDir

Publish = Callable[[ev.AnyEvent], None]


class Trainer:
    """Trains one run in the calling thread, a batch at a time.

    Args:
        run: the run's name.
        config: its configuration.
        publish: receives every event.
        commands: the queue of its commands.
        ranks: the processes that train it together; None for one.
    """

    state: TrainState
    services: TrainingServices

    def __init__(
        self,
        run: str,
        config: RunConfig,
        publish: Publish,
        commands: CommandQueue,
        *,
        title: str = "",
        preset: str = "",
        color: int | None = None,
        ranks: JoinedRanks | None = None,
    ) -> None:
        self.run_name = run
        self._ranks = ranks
        self.config = config
        self.commands = commands
        self.events = EventStream(publish)
        self._title = title or config.title or run
        self._preset = preset
        self._color = color
        self._paced = config.training.steps_per_second > 0
        self._last_step_at = 0.0
        """Time of the last step, for runs with a limit of steps per second."""
        self._told_capabilities: ev.Capabilities | None = None

    # -- setting up -------------------------------------------------------------------------------------------------

    def set_up(self, *, restored: bool = False) -> None:
        """Build data, model and optimizer. Raises `UserError` if that is not possible; nothing has been written.

        Args:
            restored: whether a checkpoint of the run will be loaded, and no weights to begin with are needed.
        """
        config, events = self.config, self.events
        check_closure_settings(
            config.optimizer, config.training.clip_grad_norm, config.training.precision, config.training.accumulate
        )
        ranks = self._ranks
        if ranks is None:
            built = setup.set_up(config, lambda line: events.log(line, 0), restored=restored)
        else:
            ranks.check(config)
            self.config = config = ranks.measured_by(config)
            built = setup.set_up(
                config,
                lambda line: events.log(line, 0),
                restored=restored,
                share_out=ranks.share_out,
                place=ranks.place.device,
            )
        check_class(config.early_stopping.monitor, built.data.classes)
        optimizer = OptimizerHandle(built, config.optimizer)
        epochs, per_epoch = config.training.epochs, built.batches.per_epoch
        plan = LrPlan.begin(
            config.scheduler, config.optimizer.lr, step=0, end=epochs * per_epoch, steps_per_epoch=per_epoch
        )
        self.state = state = TrainState(plan=plan, epochs=epochs, clip=config.training.clip_grad_norm)
        measuring = Measuring(config, built, self._hurried, ranks.evaluate if ranks is not None else evaluate)
        recorder = Recorder(events.publish, state.timer, StepLog(built.series_groups))
        diagnosis = DiagnosisMonitor()
        events.subscribe(partial(publish_findings, diagnosis, events))
        self.services = TrainingServices(
            run_name=self.run_name,
            title=self._title,
            preset=self._preset,
            color=self._color,
            config=config,
            setup=built,
            optimizer=optimizer,
            commands=self.commands,
            events=events,
            early_stopper=EarlyStopper(config.early_stopping),
            recorder=recorder,
            metric=measuring.training_metric() if ranks is None else ranks.metric(measuring.training_metric),
            step_prober=StepProber(built, config.training.probe_every),
            optimality=OptimalityMonitor(config, built, recorder),
            pictures=PictureRecorder(PictureContext(self._pictured, built, optimizer, state), events),
            diagnosis=diagnosis,
            validate=measuring.validate,
            test=measuring.test,
            ranks=ranks,
        )
        if ranks is not None:
            recorder.sum = ranks.sum
            ranks.steps = lambda: state.step
            ranks.on_numbers = partial(publish_numbers, state, events)
        self.services.own_knobs = BuiltInKnobs(state, self.services)
        apply_schedule(state, self.services)
        agreed = {} if ranks is None else {"agree": ranks.agree_on}
        events.subscribe(partial(after_epoch, state, self.services, **agreed))
        arm_planned(state, self.services, config.guards)
        state.follow(planned_actions(config.actions, plan))
        self._train_batch = MeasuredStep(state, self.services)

    @property
    def _pictured(self) -> RunConfig:
        """The configuration of the pictures: one of several processes takes them."""
        if self._ranks is None or self._ranks.leads:
            return self.config
        return self.config.model_copy(update={"pictures": ()})

    def begin(self, folder: RunDir | None, mark_journal: Callable[[], dict[str, int]] = dict) -> None:
        """Publish the description of the run, and save it to the directory from now on.

        Args:
            folder: the run directory; None for a run that is not saved.
            mark_journal: flushes the journal to disk and returns its length.
        """
        state, services = self.state, self.services
        if folder is not None:
            best = services.early_stopper.best
            make = Checkpointer if self._ranks is None else self._ranks.checkpointer
            services.checkpointer = make(
                folder,
                self.config.checkpoints,
                self.events.publish,
                mark_journal,
                state.timer.read(),
                last=(state.step, state.epoch) if state.step else None,
                best=best.epoch if best is not None and state.best_is_saved else None,
            )
        if self._ranks is not None:
            self._ranks.agree_on_start(state)
        self.events.publish(run_started(state, services, str(folder.path) if folder is not None else ""))
        if len(state.guards):
            keep_copies(state, services)
            self.events.publish(ev.GuardsChanged(guards=state.guards.states, step=state.step))
        publish_schedule(state, services)
        self._tell_capabilities()
        publish_status(state, services, "paused" if state.paused else "running")

    def follow(self, script: Sequence[tuple[int, AnyCommand]]) -> None:
        """Apply these commands at these steps, as if they were sent there."""
        self.state.follow(script)

    def repeat(self, script: Sequence[tuple[int, AnyCommand]]) -> None:
        """Do what an earlier run did, with everything that its guards did; they are not armed."""
        self.state.guards.clear()
        self.state.follow(script)

    def watch_load(self, process: ProcessLoad) -> None:
        """Record the load of the system and the cost of this program from now on, as series under `system/`."""
        recorder, batches = self.services.recorder, self.services.setup.batches
        recorder.add_seconds = seconds_of_add()
        recorder.load = SystemLoad(process, self.state.timer.read, lambda: batches.waited, lambda: recorder.spent)

    # -- the loop ---------------------------------------------------------------------------------------------------

    def run(self) -> Iterator[bool]:
        """Train to the end, one batch at each `next`; yields whether a batch was trained (False while paused)."""
        state, services = self.state, self.services
        self.use_own_rng()
        state.timer.start()
        if state.step == 0:
            services.optimality.record(0)
        services.pictures.begin()
        self._beat()
        while self._has_more_epochs():
            services.own_knobs.begin_epoch()
            apply_schedule(state, services)
            yield from self._train_epoch()
            if state.rewound:
                state.rewound = False
                continue
            if state.position < services.steps_per_epoch or state.broken:
                break
            end_epoch(state, services)
        finish(state, services)
        self._leave()

    def _leave(self) -> None:
        """Part from the other ranks; what they have not agreed on is refused."""
        if self._ranks is None:
            return
        self._ranks.part()
        while (command := self._ranks.inbox.take()) is not None:
            self.commands.put(command)

    def _train_epoch(self) -> Iterator[bool]:
        """Train the batches of the epoch that have not been trained yet."""
        state, services = self.state, self.services
        services.setup.model.train()
        for inputs, targets in services.setup.batches.epoch(state.epoch, state.position):
            if self.commands.waiting or state.paused or state.rewound or state.step == state.next_scripted_step:
                yield from self._apply_commands()
                if state.rewound or state.stops_now:
                    return
            if state.lr_changes_each_step:
                apply_lr(state, services)
            while (loss := self._train_batch(inputs, targets)) is None:  # a guard asks to skip it
                yield from self._apply_commands()
                if state.rewound or state.stops_now:
                    return
            state.step += 1
            state.position += 1
            if not self._record(loss, len(inputs) if self._ranks is None else self._ranks.share.samples):
                return
            yield True
        # The metrics of the epoch are complete only with its last losses, and weights that broke have none.
        check_weights(state, services)

    def _record(self, loss: Tensor, samples: int) -> bool:
        """Record the step just taken, and save if due. Returns False if the loss ended the run."""
        state, services = self.state, self.services
        if services.optimality.active:
            services.optimality.record(state.step)
        if services.pictures.has_step_sources:
            services.pictures.on_step()
        due = services.recorder.add(state.step, loss, state.lr, samples)
        if state.guards.on_steps:
            watch_step(state, services, self._train_batch.norm)
        beats = self._ranks is not None and self._ranks.step_done()
        if beats or (due and self._ranks is None) or step_save_is_due(state, services):
            if flush(state, services):
                return False
            if beats:
                self._beat()
            if state.position < services.steps_per_epoch and save_is_due(state, services):
                save_run(state, services)
                if state.broken:
                    return False
        if self._paced:
            self._wait_for_next_step()
        return True

    def _wait_for_next_step(self) -> None:
        """Wait until the next step is due, or until a command comes."""
        self.commands.rest(self._last_step_at + 1 / self.config.training.steps_per_second - perf_counter())
        self._last_step_at = perf_counter()

    def use_own_rng(self) -> None:
        """Draw from this run's own random streams from now on."""
        rng.load_state_dict(self.services.setup.rng, self.services.setup.device)

    # -- between batches --------------------------------------------------------------------------------------------

    def _has_more_epochs(self) -> bool:
        """Return whether another epoch follows: as planned, or because a command makes a run longer at its end.

        A replay of a run that was resumed after its end does the same: its script continues at that step.
        """
        state = self.state
        if state.epoch < state.epochs and not state.stops_now:
            return True
        self._beat()
        scripted = bool(state.script) and state.script[0][0] <= state.step
        if state.broken or not (scripted or (self.commands.waiting and state.ending is None)):
            return False
        ending, state.ending = state.ending, None
        self._queue_script()
        while (command := self.commands.take()) is not None:
            self._apply(command)
        state.rewound = False
        if state.ending is None and state.epoch >= state.epochs:
            state.ending = ending
        return state.epoch < state.epochs and not state.stops_now

    def _apply_commands(self) -> Iterator[bool]:
        """Apply the commands that wait, and stay here while paused."""
        state = self.state
        while True:
            self._queue_script()
            while not state.rewound and self.commands.waiting:
                flush(state, self.services)  # while the command waits: it may be the one that saves the run
                command = self.commands.take()
                if command is None:
                    break
                began = perf_counter()
                self._apply(command)
                self.services.recorder.spent += perf_counter() - began
            # After an undo, paused or not, the batches of the epoch have to be begun again.
            if state.rewound or state.stops_now or not state.paused:
                return
            if state.steps_allowed > 0:
                state.steps_allowed -= 1
                return
            if flush(state, self.services):
                return
            state.timer.stop()
            yield False
            self._beat()
            state.timer.start()

    def _beat(self) -> None:
        """Take what all ranks do at this step into the queue."""
        if self._ranks is not None:
            waited, seconds = self.services.setup.batches.waited, self.state.timer.read
            self._ranks.beat(self.state.step, waited, self.commands, seconds)

    def _hurried(self) -> bool:
        """Return whether to cut a validation short; called between its parts."""
        if self._ranks is not None:
            self._ranks.beat_in_validation(self.commands)
        return self.commands.hurried

    def submit(self, command: AnyCommand) -> None:
        """Queue a command from any thread: for this step, or for the next one on which all ranks agree."""
        (self.commands if self._ranks is None or self.state.over else self._ranks.inbox).put(command)

    def _apply(self, command: AnyCommand) -> None:
        """Apply a command, and publish what it changed in the controls of the loop."""
        apply_command(self.state, self.services, command)
        self._tell_capabilities()

    def _tell_capabilities(self) -> None:
        """Publish what the loop can do and the values of its knobs, where that has changed."""
        told = self.services.capabilities()
        if told != self._told_capabilities:
            self._told_capabilities = told
            self.events.publish(told.model_copy(update={"step": self.state.step}))

    def _queue_script(self) -> None:
        """Queue the scripted commands of this step."""
        for command in self.state.due_commands():
            self.commands.put(command)
