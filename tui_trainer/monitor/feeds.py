"""Numbers that were found in the output of a watched script, on their way into its run."""

from __future__ import annotations

from typing import Any

from tui_trainer.engine.events.run_events import publish_metrics
from tui_trainer.monitor.relay import Relay
from tui_trainer.monitor.script_run import ScriptRun


def take_feeds(run: ScriptRun, relay: Relay) -> None:
    """Record the numbers that the watching process found in the output, at the step after which they were printed.

    Names that the script logs itself are its own.
    """
    if not run.clean:
        return
    values, fed = run.services.values, relay.fed
    while relay.feeds:
        feed = relay.feeds.popleft()
        numbers: dict[str, Any] = {}
        if relay.tells_epochs and feed["began"]:
            run.end_epoch({})
        step = relay.step_at(float(feed["at"])) or run.state.step
        for name, value in feed["values"].items():
            own = name not in fed and name in values.recorded
            if not own and name not in ("lr", "grad_norm") and step > fed.get(name, 0):
                fed[name] = step
                numbers[name] = float(value)
        if numbers:
            recorder = run.services.recorder
            add = recorder.add_step if run.closed else recorder.add_logged  # at the end there is no step to go with
            add(step, numbers)
        if relay.tells_epochs:
            if feed["epochs"] or feed["steps"]:
                before = run.state.epochs, run.services.steps_per_epoch
                run.length.planned(feed["epochs"], feed["steps"])
                run.length.printed |= bool(feed["steps"])
                if before != (run.state.epochs, run.services.steps_per_epoch):
                    run.tell_capabilities()
            if feed["ended"] is not None:
                run.end_epoch({name: float(value) for name, value in feed["ended"].items()})
        elif feed["ended"]:
            measured = {name: float(value) for name, value in feed["ended"].items() if name not in values.recorded}
            publish_metrics(run.state, run.services, dict(measured))
