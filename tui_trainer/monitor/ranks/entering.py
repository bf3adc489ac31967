"""A rank enters a run: rank 0 makes it and says where it lies, the others build theirs around it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_trainer.engine.checkpointing.checkpointer import find_last
from tui_trainer.errors import UserError
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.monitor.build import Given, build, checkpoints_of
from tui_trainer.monitor.ranks.rank_files import LAST, with_own_state
from tui_trainer.monitor.ranks.shared_run import SharedRun
from tui_trainer.monitor.ranks.shared_values import SharedValues
from tui_trainer.monitor.ranks.termination import end_orderly
from tui_trainer.monitor.ranks.together import Together, Told, parts_of
from tui_trainer.monitor.resuming import Replayed, Resumed
from tui_trainer.protocol.commands import COMMANDS
from tui_trainer.runs.run_dir import PROCESSES

if TYPE_CHECKING:
    from tui_trainer.monitor.script_run import ScriptRun
    from tui_trainer.monitor.services import ScriptServices

SHARDS = ("DTensor", "FlatParameter")
"""Types of parameters of which each rank has a part."""
SHARDED = (
    "the parameters are sharded over the ranks (FSDP): they are neither saved nor copied here; save them with "
    "torch.distributed.checkpoint"
)

SHARDED_GRADIENTS = (
    "the gradients are sharded over the ranks (FSDP): none of them has their norm, and none can take them all away"
)


def enter(given: Given, together: Together) -> ScriptRun | None:
    """Return the run of this rank; None where rank 0 has none.

    Raises:
        TypeError, ValueError: an argument is not what it should be.
        UserError: nothing can be written, or there is nothing to go on with.
    """
    run = _lead(given, together) if together.leads else _follow(given, together)
    if run is not None:
        _leave_shards(run.services)
        end_orderly()
    return run


def _leave_shards(services: ScriptServices) -> None:
    """Keep no state of parameters of which each rank has a part: to read them is a collective."""
    parameters = [each for model in services.models.values() for each in model.parameters()]
    if any(type(each).__name__ in SHARDS for each in parameters):
        services.is_sharded = True
        services.models = {}
        services.checkpoints = checkpoints_of(None, 0)
        services.further |= dict.fromkeys(("SaveCheckpoint", "RollBack", "Undo", "Redo"), SHARDED)
        services.further |= dict.fromkeys(("SetGuard", "SkipStep"), SHARDED_GRADIENTS)


def _lead(given: Given, together: Together) -> ScriptRun:
    run = build(
        given,
        make=partial(SharedRun, together=together),
        values=SharedValues,
        about={PROCESSES: together.size},
        processes=together.size,
    )
    script = [[step, command.model_dump(mode="json")] for step, command in run.state.script]
    step = run.resumed.step if run.resumed is not None else -1
    together.tell(Told(str(run.path), step, script, [str(rule) for rule in run.guards]), _parts(run))
    return run


def _follow(given: Given, together: Together) -> ScriptRun | None:
    told = together.hear()
    if isinstance(told, str):
        if given.resume:
            raise UserError(told)
        return None
    path = Path(told.path)
    resumed = _resumed(path, told.step, together) if told.step >= 0 else None
    script = tuple((int(step), COMMANDS.validate_python(command)) for step, command in told.script)
    run = build(
        given,
        make=partial(SharedRun, together=together),
        values=SharedValues,
        entered=(Replayed(path, given.name, script), resumed),
    )
    run.guards = [parse_rule(text) for text in told.guards]
    together.answer(_parts(run), run.resumed.missing if run.resumed is not None else ())
    return run


def _resumed(path: Path, step: int, together: Together) -> Resumed:
    """Return the save that rank 0 goes on from, with what this rank has saved itself."""
    tree, _ = find_last(path / "checkpoints")
    if not isinstance(tree, dict) or int(tree.get("step", -1)) != step:
        raise UserError(f"resume: rank {together.rank} does not see the save of step {step:,} in {path}")
    tree, missing = with_own_state(tree, path, LAST, together.rank, together.size)
    return Resumed(path, tree, 0, [missing] if missing else [])


def _parts(run: ScriptRun) -> Any:
    return parts_of(run.services.models, run.services.optimizer.named)
