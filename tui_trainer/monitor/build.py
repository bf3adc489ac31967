"""Builds the run of a script from what was handed to `Monitor`."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tui_trainer.components.early_stopping import EarlyStopping
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.components.schedulers.script import ScriptSchedule
from tui_trainer.config.run_config import Checkpoints
from tui_trainer.engine.commands.controls import Controls
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.monitoring.recorder import Recorder
from tui_trainer.engine.run_metadata import machine
from tui_trainer.engine.train_state import Metrics, TrainState
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.mirroring.mirror import start_mirror
from tui_trainer.host.mirroring.mirror_files import KINDS
from tui_trainer.monitor.control.given_guards import rules_of
from tui_trainer.monitor.feeds import take_feeds
from tui_trainer.monitor.parts.kept import as_models, check_kept, device_of
from tui_trainer.monitor.parts.optimizers import ScriptOptimizers, as_optimizers
from tui_trainer.monitor.parts.own_schedule import OwnSchedule, as_schedulers
from tui_trainer.monitor.parts.settings import as_toml, document
from tui_trainer.monitor.parts.values import StepValues, as_number, roles_of
from tui_trainer.monitor.relay import Relay, claim
from tui_trainer.monitor.resuming import Replayed, Resumed, find_resumed, other_number, replay_asked
from tui_trainer.monitor.script_run import ScriptRun
from tui_trainer.monitor.services import NEVER, UNDO_LIMIT, ScriptServices
from tui_trainer.paths import new_run_name, writable_runs_dir
from tui_trainer.protocol import events as ev
from tui_trainer.runs.comparing.code_version import CodeReader

_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|min|h)")
_SECONDS = {"s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of `Monitor`."""

    name: str
    model: Any = None
    optimizer: Any = None
    scheduler: Any = None
    config: Any = None
    evaluate: Callable[[], Any] | None = None
    best: tuple[str, str] = ("val_loss", "min")
    patience: int | None = None
    roles: Mapping[str, str] | None = None
    save: str | None = None
    keep_last: int = 0
    undo_limit: int = UNDO_LIMIT
    runs_dir: str | None = None
    resume: bool | str = False
    mirror: str | Sequence[str] = ()
    guards: str | Sequence[str] = ()


def checkpoints_of(save: str | None, keep_last: int) -> Checkpoints:
    """Return when a script is saved. Raises `ValueError` unless it is "epoch", a time or None."""
    if save is None:
        return Checkpoints(every_seconds=NEVER, keep=keep_last)
    if save == "epoch":
        return Checkpoints(every_seconds=NEVER / 2, every_epochs=1, keep=keep_last)
    match = _INTERVAL.fullmatch(str(save).strip())
    if match is None:
        raise ValueError(f'Monitor: save={save!r}: give "epoch", a time such as "10 min" or "30 s", or None')
    return Checkpoints(every_seconds=float(match[1]) * _SECONDS[match[2]], keep=keep_last)


def mirror_kinds(given: str | Sequence[str]) -> list[str]:
    """Return the kinds of files for other programs. Raises `ValueError` for one that there is not."""
    kinds = [given] if isinstance(given, str) else list(given)
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"Monitor: mirror={kind!r}: give one or some of {', '.join(KINDS)}")
    return kinds


def build(
    given: Given,
    relay: Relay | None = None,
    *,
    make: Callable[..., ScriptRun] = ScriptRun,
    values: Callable[[Mapping[str, str]], StepValues] = StepValues,
    about: Mapping[str, Any] | None = None,
    processes: int = 1,
    entered: tuple[Replayed, Resumed | None] | None = None,
) -> ScriptRun:
    """Create the run and begin to serve it; the first of a watched script is that of the watching process.

    Args:
        make: makes the run from its parts.
        values: makes what takes the logged values.
        about: further entries of about.json.
        processes: how many processes train together.
        entered: the run that another process has made, and its save, where this one enters it.

    Raises:
        TypeError, ValueError: an argument is not what it should be.
        UserError: nothing can be written.
    """
    code = CodeReader()
    mirror, guards = mirror_kinds(given.mirror), rules_of(given.guards)
    models, optimizers = as_models(given.model), as_optimizers(given.optimizer)
    schedulers, roles = as_schedulers(given.scheduler), roles_of(given.roles)
    checkpoints = checkpoints_of(given.save, given.keep_last)
    metric, mode = given.best
    if mode not in ("min", "max"):
        raise ValueError(f'Monitor: best={given.best!r}: give the name of a metric and "min" or "max"')
    stopping = EarlyStopping.model_validate(
        {
            "monitor": roles.get(metric, metric),
            "mode": mode,
            "enabled": given.patience is not None,
            "restore_best": False,
            **({"patience": given.patience} if given.patience is not None else {}),
        }
    )
    content = document(given.name, given.config)
    replayed = replay_asked()
    if entered is not None:
        replayed, mirror = entered[0], []
    if relay is None and replayed is None and not given.resume:
        relay = claim()
    if relay is not None:
        content["script"] = relay.script
        guards += rules_of(relay.script.get("guards", ()))
    if relay is not None or replayed is not None:
        directory = relay.path.parent if relay is not None else Path()
    else:
        directory = writable_runs_dir(given.runs_dir).absolute()
    resumed = find_resumed(given.resume, given.name, directory, content) if replayed is None else None
    if entered is not None:
        resumed = entered[1]
    elif resumed is not None:
        resumed.missing += [said for said in [other_number(resumed.tree, processes)] if said]
    path = directory / new_run_name(given.name) if relay is None else relay.path
    if replayed is not None:
        path, about_title = replayed.path, replayed.title
    elif resumed is not None:
        path, about_title = resumed.path, given.name
    else:
        about_title = given.name
    device = device_of(models)
    described = {
        "name": path.name,
        "preset": given.name,
        "title": about_title,
        "kind": "script",
        **machine(device, content["script"]["command"], code.result()),
        **({"config": content["config"]} if relay is not None else {}),
        **(about or {}),
    }
    made: list[ScriptRun] = []

    def parts(commands: CommandQueue, events: EventStream) -> tuple[TrainState, ScriptServices]:
        handle = ScriptOptimizers(optimizers)
        plan = LrPlan.begin(ScriptSchedule(), handle.own_rate, step=0, end=1, steps_per_epoch=1)
        state = TrainState(plan=plan, epochs=0, lr=handle.own_rate)
        schedule = OwnSchedule(schedulers, handle, lambda: made[0].length.schedule_called() if made else None)
        evaluate = given.evaluate
        services = ScriptServices(
            run_name=path.name,
            state=state,
            models=models,
            optimizers=handle,
            schedule=schedule,
            controls=Controls(),
            values=values(roles),
            commands=commands,
            events=events,
            recorder=Recorder(events.publish, state.timer),
            stopping=stopping,
            checkpoints=checkpoints,
            evaluate=(lambda: metrics_of(evaluate(), roles)) if evaluate is not None else None,
            undo_limit=given.undo_limit,
        )
        services.curve.restart(handle.own_rate)
        state.plan = services.sampled(state.plan)
        return state, services

    run = make(path, as_toml(content), described, parts, preset=given.name, resumed=resumed, relay=relay)
    made.append(run)
    run.services.optimizer.call_after_step(run.stepped)
    if isinstance(run.bus, EventBus):
        start_mirror(run.bus, mirror, {run.name: path}, [run.name] if resumed is not None else [])
    elif mirror and relay is not None:
        relay.tell({"mirror": mirror})
    if relay is not None:
        run.take_output = partial(take_feeds, run, relay)
    if replayed is not None and (entered is None or replayed.script):
        run.state.follow(replayed.script)
    elif entered is None:
        run.guards = guards
    run.describe = lambda: _described(run, given, content, str(device))
    return run


def _described(run: ScriptRun, given: Given, content: dict[str, Any], device: str) -> ev.RunStarted:
    """Return the event that describes the run, at its first step."""
    state, services = run.state, run.services
    stopping = services.early_stopper.stopping
    modules = list(services.models.values())
    kinds = ", ".join(type(model).__name__ for model in modules)
    return ev.RunStarted(
        step=state.step,
        title=given.name,
        preset=given.name,
        config=content,
        path=str(run.path),
        device=device,
        task="script",
        parameters=sum(each.numel() for model in modules for each in model.parameters() if each.requires_grad),
        model=kinds or "a model of the script",
        data="data of the script",
        steps_per_epoch=max(services.steps_per_epoch, 1),
        epochs=state.epochs,
        clip_grad_norm=state.clip,
        patience=stopping.patience,
        min_delta=stopping.min_delta,
        early_stopping=stopping.enabled,
        monitor=stopping.monitor,
        plan=state.plan,
        pid=os.getpid(),
        host=socket.gethostname(),
    )


def metrics_of(result: Any, roles: Mapping[str, str]) -> Metrics:
    """Return what a script measured as numbers by series. Raises `ValueError` for something that is no number."""
    named: Mapping[str, Any] = result if isinstance(result, Mapping) else {"val_loss": result}
    return {roles.get(name, name): as_number(name, value) for name, value in named.items() if value is not None}


def keep(run: ScriptRun, objects: Mapping[str, Any]) -> None:
    """Have the saves and undos of a run hold these objects too. Raises `TypeError` for one without a state."""
    for name, each in objects.items():
        check_kept(name, each)
    run.services.kept.update(objects)
    if run.resumed is not None:
        for name, each in objects.items():
            run.resumed.take_kept(name, each)
