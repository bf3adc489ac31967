"""The check that a resumed run goes on with the samples, in the batches, that it was trained with."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError
from tui_trainer.protocol.checksum import MAX_LINE, BadLine
from tui_trainer.protocol.codec import decode_event
from tui_trainer.protocol.events import RunStarted
from tui_trainer.runs.comparing.flat_config import differing_keys, flattened
from tui_trainer.runs.recorded_data import recorded_data
from tui_trainer.runs.run_dir import RunDir, read_about

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer

_MARK = b'"type":"RunStarted"'


def check_data(trainer: Trainer, folder: RunDir, *, allowed: bool) -> list[str]:
    """Compare data, and the settings that decide about batches, with those that a restored run was trained with.

    Steps, the schedule and the position in the epoch are counted in batches: with other ones, samples would be seen
    twice or never, and the learning rate would end early or late.

    Args:
        trainer: the run, restored from its checkpoint.
        folder: its directory; nothing is written.
        allowed: whether the data may have changed.

    Returns:
        lines for the log.

    Raises:
        UserError: a setting or, unless `allowed`, the data have changed; or an epoch has another number of steps.
    """
    from tui_trainer.engine.run_metadata import data_now

    state, services = trainer.state, trainer.services
    if not state.step:
        return []  # it starts from the beginning
    new = f"train a new run with `tui-trainer run {folder.config}`"
    changed = _changed_settings(trainer, folder)
    recorded, now = recorded_data(read_about(folder.path)), data_now(services)
    if changed:
        listed = ", ".join(f"{key} was {then}, is {value}" for key, (then, value) in changed.items())
        raise UserError(
            f"run {trainer.run_name!r}: run.toml has changed: {listed}. Steps, schedule and the order of the samples "
            f"of this run follow from it: set it back, or {new}"
        )
    change = recorded[-1].change(now) if recorded and now is not None else ""
    before, per_epoch = state.plan.steps_per_epoch, services.steps_per_epoch
    if before != per_epoch:
        raise UserError(
            f"run {trainer.run_name!r}: {change or 'the batches are others than before'}; an epoch has {per_epoch:,} "
            f"steps now, and had {before:,}, in which schedule and position of this run are counted: {new}"
        )
    if not change:
        return []
    if recorded[-1].own and not allowed:
        raise UserError(
            f"run {trainer.run_name!r}: {change}. Restore them, or go on with the data as they are with "
            f"`tui-trainer resume {trainer.run_name} --data-changed`"
        )
    split = "the split into training and validation is drawn again, so samples trained on may validate from here on"
    return [f"{change}; {split}" if recorded[-1].own else f"{change}: the curve may differ in its last bits"]


def _changed_settings(trainer: Trainer, folder: RunDir) -> dict[str, tuple[Any, Any]]:
    """Return the settings of data and seed that differ from those at the last start, as (then, now) by key."""
    try:
        started = _last_start(folder)
        if started is None or not started.config:
            return {}
        then, now = _flat(RunConfig.model_validate(started.config)), _flat(trainer.config)
    except (OSError, ValidationError):
        return {}
    return {
        key: (then.get(key, "not set"), now.get(key, "not set"))
        for key in differing_keys([then, now])
        if key == "training.seed" or (key.startswith("data.") and key != "data.path")  # the file may have moved
    }


def _last_start(folder: RunDir) -> RunStarted | None:
    """Return the event of the last start. Other lines, of which there may be millions, are not decoded."""
    found: RunStarted | None = None
    with folder.journal.open("rb") as file:
        for line in iter(lambda: file.readline(MAX_LINE), b""):
            if _MARK in line:
                with contextlib.suppress(BadLine):
                    event = decode_event(line.rstrip(b"\n"))
                    found = event if isinstance(event, RunStarted) else found
    return found


def _flat(config: RunConfig) -> dict[str, Any]:
    return flattened(config.model_dump(mode="json", exclude_none=True))
