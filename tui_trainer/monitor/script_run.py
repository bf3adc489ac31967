"""The run that a script makes: its folder, its journal, its socket, and what happens at the boundaries of its loop.

    a value is logged      copied into the values of the step, on its device
    a step is taken        counted, by a hook of the optimizer or by `monitor.step`
    a boundary comes       the values of the step go to the recorder; a few times a second it publishes them
                           commands that wait are applied, as in the built-in loop; a pause waits here
    an epoch ends          judged, published, saved if that is due
    the loop is left       the end is published, viewers are sent the rest, the journal is closed

A boundary is never between half-accumulated gradients: it comes after a step, or before the first batch.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tui_trainer.engine.checkpointing.checkpointer import Checkpointer
from tui_trainer.engine.checkpointing.save import epoch_save_is_due, save_is_due, save_run
from tui_trainer.engine.commands.handlers import apply_command, reject
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.epoch_end import close_epoch
from tui_trainer.engine.events.error_text import describe_error
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.events.flush import flush
from tui_trainer.engine.events.run_events import publish_metrics, publish_status
from tui_trainer.engine.guarding.firing import after_epoch, look_at
from tui_trainer.engine.monitoring.system_load import ProcessLoad, SystemLoad
from tui_trainer.engine.train_state import Metrics, TrainState
from tui_trainer.guards.rule import GuardRule
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.restore import open_journal, reopen_journal
from tui_trainer.host.serving import Serving
from tui_trainer.host.spec import socket_or_none
from tui_trainer.monitor.carried_rate import carry, take_carried
from tui_trainer.monitor.control.before_step import BeforeStep
from tui_trainer.monitor.control.given_guards import arm
from tui_trainer.monitor.control.one_process import OneProcess
from tui_trainer.monitor.control.pausing import Pausing
from tui_trainer.monitor.control.serving_thread import ServingThread
from tui_trainer.monitor.length import Length
from tui_trainer.monitor.messages import say
from tui_trainer.monitor.parts.kept import device_of
from tui_trainer.monitor.parts.values import seconds_of_step
from tui_trainer.monitor.relay import Relay
from tui_trainer.monitor.resuming import Resumed, restore
from tui_trainer.monitor.services import ScriptServices
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import ALL_RUNS, AnyCommand
from tui_trainer.runs.run_dir import Owner, RunDir

WITHOUT_STEP = 200
"""Batches without a step of the optimizer after which that is said."""


class ScriptRun(OneProcess):
    """One run of a script, from its first step to its end.

    Args:
        path: the run directory, which is created.
        build: makes the services from the run's queue, events and state.
        title, preset: how the run is called.
        relay: the connection to the process that watches the script; None where the run is its own host.
    """

    def __init__(
        self,
        path: Path,
        content: str,
        about: dict[str, Any],
        build: Callable[[CommandQueue, EventStream], tuple[TrainState, ScriptServices]],
        *,
        preset: str,
        resumed: Resumed | None = None,
        relay: Relay | None = None,
    ) -> None:
        self.name, self.path = path.name, path
        self.resumed, self.relay = resumed, relay
        self.take_output: Callable[[], None] = lambda: None  # of a watched script
        self._wake = threading.Event()
        self.pid = os.getpid()
        self.commands = CommandQueue(self._wake)
        self.inbox = self.commands if self.alone else CommandQueue(self._wake)  # of commands that were sent
        self.folder = RunDir(path) if relay is None else relay.folder
        address = socket_or_none(path)
        owner = Owner(self.pid, socket.gethostname(), address)
        if resumed is None:
            self.folder.create(content, about, owner)
        else:
            self.folder.hold(owner)
            self.folder.remember()
        try:
            self._serving = Serving(address, self.submit) if relay is None else relay.serve(self.submit)
            self.bus = self._serving.bus
            self.bus.add_run(self.name)
            self.events = EventStream(lambda event: self.bus.publish(self.name, event))
            self.state, self.services = build(self.commands, self.events)
            lost: list[str] = []
            if resumed is not None:
                restore(resumed, self.state, self.services)
            if isinstance(self.bus, EventBus) and resumed is None:
                self.bus.attach_journal(self.name, open_journal(self.folder))
            elif isinstance(self.bus, EventBus) and resumed is not None:
                journal, folded, lost = reopen_journal(self.name, self.folder, resumed.reached)
                self.bus.resume_run(self.name, folded, journal)
            self.events.subscribe(self._diagnose)
            for line in [*lost, *(resumed.problems if resumed is not None else [])]:
                self.events.log(line, self.state.step)
        except BaseException:
            self.folder.release()
            raise
        self.length = Length(self.state, self.services)
        self.services.checkpointer = Checkpointer(
            self.folder,
            self.services.checkpoints,
            self.events.publish,
            partial(self.bus.sync_journal, self.name),
            self.state.timer.read(),
            last=(self.state.step, self.state.epoch) if self.state.step else None,
        )
        if resumed is not None:
            self.services.steps_per_epoch = max(self.state.plan.steps_per_epoch, 1)
            self.length.resumed()
        carry(self.state, self.services, lambda: self.begun)
        self.describe: Callable[[], ev.RunStarted] = lambda: ev.RunStarted()
        self.begun = self.closed = self.clean = False
        self.explicit = False  # whether the loop counts its steps itself
        self.told_resumed = False  # whether it was said how exactly the run was resumed
        self.counts_batches = False  # whether each batch is taken for a step, for want of a sign of any
        self._counted = self._batches_without = 0
        """Steps since the last boundary; batches since the last step."""
        self._rates: dict[str, Any] = {}  # of the last step, by series
        self._released = -1  # the step at which a paused run was last let go on
        self.told: Callable[[str], None] = lambda line: self.events.log(line, self.state.step)
        self.inside = False
        self._told_capabilities: ev.Capabilities | None = None
        self.waited = 0.0  # seconds that the loop has waited for its loader
        self._recorder = recorder = self.services.recorder
        self._values, self._optimizer = self.services.values, self.services.optimizer
        self.trials = self.services.trials
        recorder.add_seconds = seconds_of_step()
        load = ProcessLoad(device_of(self.services.models), resets=False)
        recorder.load = SystemLoad(load, self.state.timer.read, lambda: self.waited, lambda: recorder.spent)
        self._serving.list_runs([{"name": self.name, "path": str(path), "preset": preset}])
        publish_status(self.state, self.services, "starting", "the script is on its way to its loop")
        self._thread = ServingThread(self.name, self.folder, self._serving, self.look_at_others)
        self._pausing = Pausing()
        self.before_step = BeforeStep(self.state, self.services, self.flush)
        self.guards: Sequence[GuardRule] = ()
        """Rules that are armed when the run begins."""

    def _diagnose(self, event: ev.AnyEvent) -> None:
        for diagnosed in self.services.diagnosis.take(event):
            self.events.publish(diagnosed)
        self._guard_epoch(event)

    def _guard_epoch(self, event: ev.AnyEvent) -> None:
        after_epoch(self.state, self.services, event)

    # -- asked from the serving thread ------------------------------------------------------------------------------

    def submit(self, command: AnyCommand) -> str | None:
        """Queue a command. Returns the reason where the run can take none."""
        if self.closed or self.state.over:
            return "the run is over"
        if command.run not in (ALL_RUNS, self.name):
            return f"no run {command.run!r} here: {self.name}"
        if not command.id:
            command = command.model_copy(update={"id": secrets.token_hex(8)})
        if self.begun and (reason := self.services.refused.get(command.type)) is not None:
            self.bus.publish(self.name, ev.Refused(reason=reason, step=self.state.step, cause=command))
            return None
        self.inbox.put(command)
        return None

    def leave(self) -> None:
        """Send viewers the rest, close journal and socket, and unlock the folder."""
        self._pausing.close()
        self.before_step.close()
        self._thread.leave()

    # -- steps and boundaries ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Publish the description of the run, before its first step."""
        if self.begun:
            return
        self.begun = True
        self.services.use_rng()
        take_carried(self.state, self.services, self.services.schedule.schedulers)
        self.state.timer.start()
        self.events.publish(self.describe())
        self.tell_capabilities()
        for problem in arm(self.state, self.services, self.guards):
            say(problem)
            self.told(problem)
        self.before_step.settle()
        publish_status(self.state, self.services, "paused" if self.state.paused else "running")
        self.clean = True

    def tell_capabilities(self) -> None:
        """Publish what the loop can do and which controls it has, where that has changed."""
        if not self.begun:
            return
        services, state = self.services, self.state
        told = ev.Capabilities(
            refused=services.refused,
            knobs=services.controls.knobs,
            actions=tuple(services.controls.actions),
            scales=services.optimizer.scales,
            steps_per_epoch=services.steps_per_epoch,
            epochs=state.epochs,
            clip=services.first_clip,
            script_clip=services.script_clip,
            step=0,
        )
        if told != self._told_capabilities:
            self._told_capabilities = told
            self.events.publish(told.model_copy(update={"step": state.step}))

    def stepped(self, *_: object) -> None:
        """Count a step that the optimizer took, and keep the rates that it was taken with."""
        if self.closed:
            return
        self._rates = self._optimizer.recorded()
        if not self.explicit:
            self.count_step()

    def note_rates(self) -> None:
        """Keep the rates with which a step is taken."""
        self._rates = self.services.optimizer.recorded()

    def count_step(self) -> None:
        """Count a step."""
        state = self.state
        if self._counted and not self.services.has_boundaries and self._values:
            self.record()  # a loop without boundaries: the next step ends the one before
        state.step += 1
        if self.relay is not None:
            self.relay.stepped(state.step)
        self._counted += 1
        self._batches_without = 0
        self.clean = True

    def count_explicitly(self) -> None:
        """Count a step where the loop says so; a hook that has counted it already is left aside from now on."""
        counted = self._counted > 0 and not self.explicit
        self.explicit = True
        if not counted:
            self.count_step()

    def batch_begins(self) -> None:
        """Take in that the loop gets another batch: gradients may be half accumulated until the next step."""
        self.clean = False
        self.state.position += 1
        self._batches_without += 1
        if self._batches_without == WITHOUT_STEP and not self.explicit:
            hooked = self.services.optimizer.hooked
            reason = "the hook of the optimizer does not fire" if hooked else "no optimizer was handed to Monitor"
            self.told(f"no step was seen in {WITHOUT_STEP} batches: {reason}; call monitor.step() after each step")
            if self.state.step == 0:
                self.explicit = True  # count the batches from here on
                self.counts_batches = True

    def boundary(self) -> bool:
        """Record the steps since the last boundary, and apply the commands that wait. Returns False to end the loop."""
        if self.inside:
            return True
        if self.relay is not None:
            self.take_output()
        state = self.state
        if not self.clean and self.counts_batches:
            self.count_step()
        if self.clean:
            if self._counted or self._values:
                self.record()
            if self.commands.waiting or state.paused or state.step >= state.next_scripted_step >= 0:
                self._obey()
        return state.ending is None or not state.stops_now

    @property
    def has_values(self) -> bool:
        """Whether there is something to record: a step, or values that were logged after one."""
        return self._counted > 0 or (self.clean and bool(self.services.values))

    def record(self) -> None:
        """Give the values of the step to the recorder, and publish what it holds if that is due."""
        values, optimizer, state = self._values, self._optimizer, self.state
        self._counted = 0
        numbers = values.take()
        numbers.update(self._rates or optimizer.recorded())
        if not numbers:
            return
        if optimizer.overlaid:
            self.length.step_taken()
        if state.guards.on_steps:
            norm = self.before_step.norm_at(state.step)
            look_at(state, self.services, numbers if norm is None else {"grad_norm": norm, **numbers})
        if self._recorder.add_step(state.step, numbers, values.weight):
            self.flush()
            if save_is_due(state, self.services) and state.step:
                self.save()

    def flush(self) -> None:
        """Publish what the recorder holds, and the share of the time that the loop waited for its loader."""
        state, services = self.state, self.services
        flush(state, services)
        if not services.schedule.schedulers:  # else the rate is taken in where the schedule makes its step
            services.note_rate()

    def _obey(self) -> None:
        """Apply the commands that wait, and stay here while paused."""
        state, trials = self.state, self.services.trials
        self.inside = True
        self._pausing.begin(self._wake)
        try:
            while True:
                for command in self.state.due_commands():
                    self.commands.put(command)
                while trials.asked is None and (command := self.commands.take()) is not None:
                    flush(state, self.services)
                    self._apply(command)
                if trials.asked is not None or state.stops_now or not state.paused or self._released == state.step:
                    return
                if state.steps_allowed > 0:
                    state.steps_allowed -= 1
                    self._released = state.step
                    return
                self._rest()
        finally:
            self.inside = False
            if not state.paused:
                self._pausing.close()

    def _rest(self) -> None:
        """Wait for a command while paused."""
        self.flush()
        self.state.timer.stop()
        if self._pausing.wait(self._wake):
            self._pausing.let_go(self.state, self.services)
        self.state.timer.start()

    def _apply(self, command: AnyCommand) -> None:
        try:
            apply_command(self.state, self.services, command)
        except Exception as error:  # noqa: BLE001 - parts of the script's own may fail in any way
            reject(self.events, self.state.step, command, f"it failed: {describe_error(error)}")
        self.tell_capabilities()
        self.before_step.settle()

    # -- epochs -----------------------------------------------------------------------------------------------------

    def end_epoch(self, given: Metrics) -> None:
        """End an epoch with these metrics; one that a stop cut short is measured, but not counted."""
        state, services = self.state, self.services
        if self.has_values:
            self.record()
        self.flush()
        if state.stops_now or (state.ending is not None and not services.counts_epochs):
            publish_metrics(state, services, given)
            return
        state.epoch += 1
        self.length.epoch_ended()
        state.position = 0
        loss = services.recorder.epoch_mean()
        metrics: Metrics = {"train_loss": loss if abs(loss) < float("inf") else None} if loss == loss else {}
        metrics |= {name: value for name, value in given.items() if name != "train_loss"}
        close_epoch(state, services, metrics, validated=services.early_stopper.stopping.monitor in metrics)
        self.tell_capabilities()

    def save_epoch(self) -> None:
        """Save at the end of an epoch if that is due."""
        if self.state.ending is None and epoch_save_is_due(self.state, self.services):
            self.save()

    def save(self) -> None:
        """Save the run; what cannot be saved is said, and ends nothing."""
        if not self.services.models and not self.services.optimizer and not self.services.kept:
            return
        try:
            save_run(self.state, self.services)
        except (TypeError, ValueError, RuntimeError, MemoryError) as error:
            self.events.publish(ev.SavingFailed(what="checkpoint last", error=str(error)[:300], step=self.state.step))
