"""The run of a script on one of several processes that train together.

a boundary comes       the step is counted; where a beat is due, all ranks meet: numbers go to rank 0, commands come
a loop begins, ends    they meet too, so that the end of an epoch finds the values of all ranks
rank 0 decides         best, patience and the end of an epoch are told to the others with the next meeting
a rank does not come   the ranks part: what is in force stays, and every command is refused with the reason
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tui_trainer.distributed.ends import is_lost_call
from tui_trainer.engine.checkpointing.snapshot import model_state_dict
from tui_trainer.engine.commands.handlers import HANDLERS, reject
from tui_trainer.engine.events.error_text import describe_error
from tui_trainer.engine.events.run_events import publish_numbers
from tui_trainer.engine.ranks.beat import Decision, Report
from tui_trainer.engine.ranks.numbers import RankNumbers
from tui_trainer.engine.train_state import Ending, Metrics
from tui_trainer.monitor.control.before_step import BeforeStep
from tui_trainer.monitor.ranks.agreed_permissions import ALLOWED, NOT_TOGETHER, AgreedPermissions
from tui_trainer.monitor.ranks.losses import describe_loss, leave_note, lost_by
from tui_trainer.monitor.ranks.rank_files import FollowingCheckpointer, LeadingCheckpointer
from tui_trainer.monitor.ranks.shared_guards import SharedGuards
from tui_trainer.monitor.ranks.shared_values import SharedValues
from tui_trainer.monitor.ranks.silent_host import SilentHost
from tui_trainer.monitor.ranks.step_times import StepTimes
from tui_trainer.monitor.ranks.store_channel import Parted
from tui_trainer.monitor.ranks.termination import raised, undisturbed
from tui_trainer.monitor.ranks.together import LEAVE_SECONDS, Together
from tui_trainer.monitor.script_run import ScriptRun
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import COMMANDS, AnyCommand

OWN = "$"
"""Begins the types of what rank 0 tells the others that is no command."""
ENDING, BEST, RELEASE, EPOCH = f"{OWN}ending", f"{OWN}best", f"{OWN}release", f"{OWN}epoch"
PAUSE_SECONDS = 0.4
"""Seconds between two meetings while the run is paused."""


class SharedRun(ScriptRun):
    """One rank of a run. The first one has its folder, journal and viewers.

    Args:
        together: the other ranks.
    """

    alone = False

    def __init__(self, path: Path, *arguments: Any, together: Together, **named: Any) -> None:
        self.together = together
        self._told_lost = ""
        self._host = SilentHost(path) if not together.leads else None
        if self._host is not None:
            named["relay"] = self._host
        super().__init__(path, *arguments, **named)
        services = self.services
        services.further |= NOT_TOGETHER
        services.permissions = self._agreed = AgreedPermissions(services.permissions)
        make = LeadingCheckpointer if together.leads else FollowingCheckpointer
        services.checkpointer = checkpointer = make(
            self.folder,
            services.checkpoints,
            self.events.publish,
            services.checkpointer.mark_journal if services.checkpointer is not None else dict,
            self.state.timer.read(),
            last=(self.state.step, self.state.epoch) if self.state.step else None,
        )
        checkpointer.together = together
        together.decide = self._decide
        together.channel.say = lambda text: self.events.log(text, self.state.step)
        together.pulses.mine.step = self.state.step
        self._shared: SharedValues = services.values  # pyright: ignore[reportAttributeAccessIssue]
        self._guarding = SharedGuards(self.state, services, self._shared, together, self._part)
        self.before_step = BeforeStep(self.state, services, lambda: None, self._guarding.before_step)
        self._times = StepTimes(services.models.values(), services.optimizer.named)
        self._numbers = RankNumbers(together.size)
        self._pending: list[dict[str, Any]] = []
        """Decisions that rank 0 sends with the next beat, as JSON."""
        self._refused: set[str] = set()
        """Ids of commands that rank 0 refused itself."""
        self._met_at = -1
        """The step of the last meeting."""
        self._signalled = False
        """Whether a signal came in this pause that is to end the script."""
        self._due = self._leaves = False
        """Whether the next boundary is a meeting, whatever the beat says; whether this rank leaves the others."""

    @property
    def leads(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether this is rank 0."""
        return self.together.leads

    @property
    def _meets(self) -> bool:
        return not self.together.parted and not self.closed

    # -- boundaries -------------------------------------------------------------------------------------------------

    def batch_begins(self) -> None:
        """Take in that the loop gets another batch."""
        self.together.pulses.mine.batches += 1
        super().batch_begins()

    def count_step(self) -> None:
        """Count a step."""
        super().count_step()
        self.together.pulses.mine.step = self.state.step

    def loop_begins(self) -> None:
        """Meet before the first batch: what the end of an epoch decided is in force there.

        The first meeting comes after a step, which all ranks have taken: each has made its monitor by then.
        """
        self._due = self.together.met and (not self.services.counts_epochs or self._met_at != self.state.step)

    def loop_ends(self, *, whole: bool) -> None:
        """Meet after the last batch, for the values that were not combined yet; not where the loop was broken off."""
        pulses = self.together.pulses
        pulses.mine.loops += 1
        if not self._meets:
            return
        pulses.tell()
        if whole and not self.inside and (self._met_at != self.state.step):
            pulses.at_end = True
            try:
                self._record_and_meet()
            finally:
                pulses.at_end = False
            super().boundary()

    def agree(self) -> None:
        """Meet after an epoch: what rank 0 judged is in force on all ranks before the next one."""
        if self._meets:
            self._record_and_meet()
            super().boundary()

    def boundary(self) -> bool:
        """Record the steps since the last boundary, meet where that is due, and apply the commands that wait."""
        if not self.inside and self._meets:
            if not self.clean and self.counts_batches:
                self.count_step()
            if self.clean:
                steps = self._counted
                due = self.together.steps_done(steps) if self.together.met else steps > 0
                scripted = self.state.step >= self.state.next_scripted_step >= 0
                # What a command publishes has to be combined before it.
                if due or self._due or (scripted and self.together.met):
                    self._record_and_meet()
                elif self.has_values:
                    self.record()
                if self.commands.waiting and self._met_at != self.state.step and self._meets:  # of a guard that fired
                    self._meet()
        return super().boundary()

    def record(self) -> None:
        """Keep the values of the step until the ranks meet; those of rank 0 go to the recorder as well."""
        if not self._meets:
            super().record()
            return
        stepped, self._counted = self._counted > 0, 0
        state, optimizer = self.state, self.services.optimizer
        row = self._shared.take_row(state.step)
        if optimizer.overlaid:
            self.length.step_taken()
        if self.together.leads:
            row.numbers.update(self._rates or optimizer.recorded())
            if row.numbers:
                self._recorder.add_step(state.step, row.numbers)
        if stepped and state.guards.on_steps and not self._leaves:
            self._guarding.after_step(row, self.before_step.norm_at(state.step))

    def _guard_epoch(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.EpochEnded) and self._meets and (told := self._guarding.epoch_ended(event)):
            self._pending.append({"type": EPOCH, "told": told})

    def _record_and_meet(self) -> None:
        if self.has_values:
            self.record()
        self._meet()

    def _meet(self, patience: float | None = None) -> None:
        """Meet the other ranks, and take the commands that are in force now."""
        self._due = False
        together, signals = self.together, int(self._signalled)
        message = self._shared.pack(self._host.take_notes()) if self._host is not None else b""
        try:
            decision = together.meet(self._times.report(self.state.step, self.waited, signals), message, patience)
        except Parted as parted:
            self._part(str(parted))
            return
        if self._met_at < 0 and together.missing:
            self.events.log(f"resumed, but not exactly: {'; '.join(together.missing)}", self.state.step)
        self._met_at = self.state.step
        self._times.begin()
        self._take(decision)

    def _take(self, decision: Decision) -> None:
        """Take in what rank 0 decided."""
        if self.together.leads:
            self.flush()
        for command in decision.commands:
            if not str(command["type"]).startswith(OWN):
                self.commands.put(COMMANDS.validate_python(command))
            elif command["type"] == ENDING:
                cause = COMMANDS.validate_python(command["cause"]) if command["cause"] is not None else None
                told: dict[str, Any] = {**command["ending"], "cause": cause}
                self.state.ending = Ending(**told)
            elif command["type"] == EPOCH:
                self._guarding.look_at_epoch(command["told"])
            elif command["type"] == RELEASE:
                self._signalled = False
                self._pausing.let_go(self.state, self.services)
            elif not self.together.leads:
                self.state.best_weights = self.services.copied(model_state_dict(self.state, self.services))
        if decision.saves and self.clean and self.state.step:
            self.save()

    # -- rank 0 -----------------------------------------------------------------------------------------------------

    def _decide(self, reports: list[Report], messages: list[bytes]) -> tuple[list[dict[str, Any]], bool]:
        """Return what takes effect now. Ranks that stand at different steps cannot go on together."""
        for rank, report in enumerate(reports):
            if report.step != reports[0].step:
                raise Parted(
                    f"uneven steps: rank 0 stands at step {reports[0].step:,.0f}, rank {rank} at {report.step:,.0f}"
                )
        for step, weight in self._shared.combine(messages[1:]).items():
            self._recorder.reweigh(step, weight)
        self._pass_on(messages)
        if numbers := self._numbers.add(reports):
            publish_numbers(self.state, self.events, numbers)
        if any(report.signals for report in reports):
            self._pending.append({"type": RELEASE})
        commands, self._pending = self._pending, []
        while (command := self.inbox.take()) is not None:
            if reason := self._agreed.first.refusal(self.state, self.services, command):
                reject(self.events, self.state.step, command, reason)
                continue
            commands.append(command.model_dump(mode="json"))
            if command.actor:
                break  # the next one is judged once this one is in force
        checkpointer = self.services.checkpointer
        saves = isinstance(checkpointer, LeadingCheckpointer) and checkpointer.due_by_time(self.state.timer.read())
        return commands, saves

    def _pass_on(self, messages: list[bytes]) -> None:
        """Say what other ranks refused that rank 0 did not."""
        for rank, message in enumerate(messages):
            notes = json.loads(message).get("notes", []) if message else []
            for note in notes:
                if note["id"] not in self._refused:
                    self.events.log(f"rank {rank}: {note['said']}", self.state.step)

    def _diagnose(self, event: ev.AnyEvent) -> None:
        if not self.together.leads:
            return
        if isinstance(event, ev.Refused) and event.cause is not None:
            self._refused.add(event.cause.id)
        super()._diagnose(event)

    def look_at_others(self) -> None:
        """Tell the others where this rank stands; on rank 0, write down which of them are gone."""
        together = self.together
        together.pulses.tell()
        if together.leads and self.begun and not self.closed and (lost := together.pulses.lost()) != self._told_lost:
            self._told_lost = lost
            if lost:
                self.bus.publish(
                    self.name,
                    ev.Logged(lines=[describe_loss(lost, self.state.step, self._saved)], step=self.state.step),
                )
                self.bus.sync_journal(self.name)

    # -- pauses, epochs and saves -----------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Wait while paused: rank 0 for commands, the others for its word."""
        if not self._meets:
            super()._rest()
            return
        if self.together.leads:
            self.flush()
        self.state.timer.stop()
        if self.together.leads and not self.inbox.waiting:
            self._pausing.wait(self._wake, PAUSE_SECONDS)
        self._signalled = self._pausing.came
        self._meet()
        self.state.timer.start()

    def end_epoch(self, given: Metrics) -> None:
        """End an epoch: rank 0 judges it, and the others count it."""
        state = self.state
        if not self._meets:
            super().end_epoch(given)
            return
        if not self.together.leads:
            self._count_epoch()
            return
        before, best = state.ending, self.services.early_stopper.best
        super().end_epoch(given)
        if state.ending is not before and state.ending is not None:
            cause = state.ending.cause
            told = {each: getattr(state.ending, each) for each in ("reason", "detail", "when", "restore_best", "save")}
            dumped = cause.model_dump(mode="json") if cause is not None else None
            self._pending.append({"type": ENDING, "ending": told, "cause": dumped})
            state.ending = before  # until all ranks know it
        if self.services.early_stopper.best != best:
            self._pending.append({"type": BEST})

    def _count_epoch(self) -> None:
        state, services = self.state, self.services
        if self.has_values:
            self.record()
        if state.stops_now or (state.ending is not None and not services.counts_epochs):
            return
        state.epoch += 1
        self.length.epoch_ended()
        state.position = 0

    def save(self) -> None:
        """Save the run, unless each rank has a part of the parameters."""
        if not self.services.is_sharded:
            super().save()

    # -- the end ----------------------------------------------------------------------------------------------------

    def _part(self, reason: str) -> None:
        """Meet no more: what is in force stays, and rank 0 says why nothing can be changed."""
        state, together = self.state, self.together
        together.part(reason)
        self._shared.rows.clear()
        state.paused, state.steps_allowed = False, 0
        self._guarding.switch_off()
        if not together.leads:
            return
        said = f"{reason}; every command would reach rank 0 alone"
        self.services.further |= {kind.__name__: said for kind in HANDLERS if kind.__name__ not in ALLOWED}
        for pending in self._pending:
            if pending["type"] == ENDING:
                state.ending = Ending(**pending["ending"])
        self._pending.clear()
        while (command := self.inbox.take()) is not None:
            if command.type in ALLOWED:
                self.commands.put(command)
            else:
                reject(self.events, state.step, command, said)
        self.inbox = self.commands
        self.services.permissions = self._agreed.first
        self.tell_capabilities()
        self.events.log(f"watched only from here on: {reason}", state.step)

    def undisturbed(self, error: BaseException | None) -> AbstractContextManager[None]:
        """Return what keeps interrupts away while the end of the run is written."""
        return undisturbed(failed=error is not None)

    def cut_off(self) -> BaseException | None:
        """Return the exit of this process that kept the run from being closed before; None where there was none."""
        return raised()

    def leave_others(self, error: BaseException | None) -> None:
        """Meet the others for the last values, where the loop ended in order; let them know that this rank leaves."""
        pulses = self.together.pulses
        if error is None and self.together.met and self._meets and not self.together.pulses.lost():
            pulses.at_end = True
            self._meet_last()
        if error is not None and not self.leads:
            leave_note(self.path, error, pulses, self._saved)
        lost = error is not None and (isinstance(error, SystemExit) or is_lost_call(error))
        pulses.leave(describe_error(error) if error is not None else "", lost=lost)
        self._times.close()

    def _meet_last(self) -> None:
        self._leaves = True
        if self.has_values:
            self.record()
        if self._shared.rows:
            self._meet(LEAVE_SECONDS)

    def reason_of(self, error: BaseException) -> str:
        """Return which rank is gone, where an error is that of a call to the others; empty otherwise."""
        lost = lost_by(error, self.together.pulses)
        return describe_loss(lost, self.state.step, self._saved) if lost else ""

    @property
    def _saved(self) -> tuple[int, int] | None:
        return self.services.checkpointer.last if self.services.checkpointer is not None else None

    def submit(self, command: AnyCommand) -> str | None:
        """Queue a command for the next meeting. Returns the reason where the run can take none."""
        reason = super().submit(command)
        self._wake.set()
        return reason
