"""The end of a script's run: what is left is recorded and saved, the reason is published, and viewers are let go."""

from __future__ import annotations

from tui_trainer.engine.commands.handlers import reject
from tui_trainer.engine.ending import publish_end
from tui_trainer.engine.events.error_text import describe_error
from tui_trainer.engine.train_state import Ending, TrainState
from tui_trainer.monitor.script_run import ScriptRun
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Stop


def finish(run: ScriptRun, error: BaseException | None, trace: str = "") -> None:
    """Publish the end of the run, and close it."""
    if run.closed:
        return
    state, services = run.state, run.services
    services.trials.leave()
    if (asked := services.trials.asked) is not None:
        reject(run.events, state.step, asked, "the run is over")
    run.closed = True
    if run.begun:
        if run.relay is not None:
            run.relay.sync()
            run.flush()
            run.take_output()
        if run.has_values:
            run.record()
        run.flush()
    state.finishing = True
    for line in trace.rstrip().splitlines():
        run.events.publish(ev.Logged(lines=[line], source="output", step=state.step))
    if error is None and services.saves_at_end and (state.ending is None or state.ending.save):
        run.save()
    while (command := run.commands.take() or run.inbox.take()) is not None:
        if not isinstance(command, Stop):
            reject(run.events, state.step, command, "the run is over")
    ending = _ending(state, error, run.reason_of(error) if error is not None else "")
    publish_end(state, services, ending.reason, ending.detail)
    run.leave()
    services.optimizer.close()
    services.schedule.close()


def _ending(state: TrainState, error: BaseException | None, lost: str) -> Ending:
    if lost:
        state.exit_code = 1
        return Ending("failed", lost)
    if isinstance(error, KeyboardInterrupt):
        state.exit_code = 130
        return Ending("interrupted", f"interrupted by the keyboard at step {state.step:,}")
    if signalled := getattr(error, "signalled", ""):
        state.exit_code = 143
        return Ending("interrupted", f"interrupted by {signalled} at step {state.step:,}")
    if error is not None:
        state.exit_code = 1
        return Ending("failed", describe_error(error))
    if state.ending is not None:
        return state.ending
    return Ending("completed", f"the script left its loop after {state.step:,} steps")
