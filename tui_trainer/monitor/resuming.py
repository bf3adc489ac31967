"""Going on with a run of the same script in a new process: which run, from which save, and how exactly."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui_trainer.config.toml import read_toml
from tui_trainer.engine.checkpointing.checkpointer import find_best, find_last
from tui_trainer.engine.checkpointing.snapshot import INCOMPATIBLE_STATE, in_one_line, load_state_dict
from tui_trainer.engine.ranks.checkpointer import RANKS
from tui_trainer.engine.train_state import StateTree, TrainState
from tui_trainer.errors import UserError
from tui_trainer.monitor.parts.kept import load_state, loaded
from tui_trainer.monitor.parts.settings import KIND
from tui_trainer.monitor.services import ScriptServices
from tui_trainer.protocol.commands import COMMANDS, AnyCommand
from tui_trainer.runs.catalog import find_run, list_runs
from tui_trainer.runs.comparing.flat_config import differing_keys, flattened
from tui_trainer.runs.run_info import RunInfo

REPLAY = "TUI_TRAINER_REPLAY"
"""Environment variable with the path of a file that says what a replay applies, and where its run goes."""
OVER = ("completed", "early-stopped")
"""Reasons with which a run has nothing left to train."""


@dataclass(slots=True)
class Resumed:
    """A run that goes on.

    Attributes:
        path: its folder.
        tree: the save that it goes on from.
        reached: bytes of the journal that belong to the save.
        missing: what was not there to go on exactly, in words.
        problems: saves that were skipped, and why.
    """

    path: Path
    tree: StateTree
    reached: int
    missing: list[str] = field(default_factory=list[str])
    problems: list[str] = field(default_factory=list[str])

    @property
    def step(self) -> int:
        """The step of the save."""
        return int(self.tree["step"])

    def take_kept(self, name: str, kept: Any) -> None:
        """Give an object that is kept the state of the save."""
        states = self.tree["kept"]
        if name in states:
            load_state(kept, loaded(states[name]))
        else:
            self.missing.append(f"{name} was not kept")

    def left(self, services: ScriptServices) -> list[str]:
        """Return what is in the save and was not taken, or was not saved: why going on is not exact."""
        gone = [f"{name} is not kept any more" for name in self.tree["kept"] if name not in services.kept]
        return [*self.missing, *gone]

    def verdict(self, services: ScriptServices) -> str:
        """Return in words how exactly the run goes on."""
        left = self.left(services)
        exact = f"resumed at step {self.step:,}, exact"
        return exact if not left else f"resumed at step {self.step:,}, weights and optimizer only: {'; '.join(left)}"


def find_resumed(resume: bool | str, name: str, directory: Path, content: Mapping[str, Any]) -> Resumed | None:
    """Return the run to go on with; None where `resume` is "auto" and there is none.

    Raises:
        UserError: there is no such run, it is live, nothing of it was saved, or its configuration was another.
    """
    if resume is False:
        return None
    if resume is True or resume == "auto":
        runs = [info for info in list_runs(directory) if info.preset == name and _is_unfinished(info)]
        info = max(runs, key=lambda one: (one.started, one.name)) if runs else None
        if info is None:
            if resume == "auto":
                return None
            raise UserError(f"resume: there is no unfinished run of {name!r} in {directory}")
    else:
        info = find_run(str(resume), directory)
    path = Path(info.path).absolute()
    recorded = read_toml(path / "run.toml")
    if recorded.get("kind") != KIND:
        raise UserError(
            f"resume: run {info.name!r} was not made by a script; resume it with: tui-trainer resume {info.name}"
        )
    if info.live:
        raise UserError(f"resume: run {info.name!r} is still training")
    flat = [flattened({"config": one.get("config", {})}) for one in (recorded, content)]
    changed = differing_keys(flat)
    if changed:
        listed = ", ".join(
            f"{key} was {flat[0].get(key, 'not set')}, is {flat[1].get(key, 'not set')}" for key in changed[:5]
        )
        raise UserError(f"resume: run {info.name!r} has another configuration: {listed}")
    tree, problems = find_last(path / "checkpoints")
    if not isinstance(tree, dict) or "kept" not in tree:
        if resume == "auto":
            return None
        raise UserError(f"resume: nothing was saved of run {info.name!r}; give Monitor save=, to save it")
    return Resumed(path, tree, int(tree.get("journal", {}).get("bytes", 0)), problems=problems)


def _is_unfinished(info: RunInfo) -> bool:
    return not info.live and info.reason not in OVER


def other_number(tree: dict[str, Any], size: int) -> str:
    """Return in words that a save was written by another number of processes; empty where it was not."""
    saved = tree.get(RANKS, {}).get("count", 1)
    if saved == size:
        return ""
    return f"it was saved by {saved} process{'' if saved == 1 else 'es'} and goes on with {size}"


def restore(resumed: Resumed, state: TrainState, services: ScriptServices) -> None:
    """Give models, optimizers and schedules the state of the save; what is kept takes it when it is named.

    Raises:
        UserError: the save is of another model or optimizer.
    """
    tree = resumed.tree
    try:
        load_state_dict(state, services, {**tree, "kept": {}})
        services.load_further(tree)
        state.plan = services.sampled(state.plan)
    except INCOMPATIBLE_STATE as error:
        raise UserError(f"resume: {resumed.path.name} does not fit this script: {in_one_line(error)}") from None
    best = services.early_stopper.best
    if best is not None:
        state.best_weights, state.best_is_saved = find_best(resumed.path / "checkpoints", best.step)


@dataclass(frozen=True, slots=True)
class Replayed:
    """The commands that a replay applies, and the folder of its run."""

    path: Path
    title: str
    script: tuple[tuple[int, AnyCommand], ...]


def replay_asked() -> Replayed | None:
    """Return what the first monitor of this process replays; None where nothing asks for it."""
    path = os.environ.pop(REPLAY, "")
    if not path:
        return None
    asked = json.loads(Path(path).read_bytes())
    script = tuple((int(step), COMMANDS.validate_python(command)) for step, command in asked["script"])
    return Replayed(Path(asked["path"]), str(asked["title"]), script)
