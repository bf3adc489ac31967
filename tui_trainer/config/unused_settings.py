"""Settings of a new run that would do nothing. Runs that were recorded with them still open and resume."""

from __future__ import annotations

from collections.abc import Iterator

from tui_trainer.components.schedulers.builtin import Plateau
from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError


def refuse_unused(config: RunConfig, source: str) -> None:
    """Raise `UserError` for the first setting that is given and never used; `source` names the file or preset."""
    for problem in _unused(config):
        raise UserError(f"{source}: {problem}")


def _unused(config: RunConfig) -> Iterator[str]:
    data, training, scheduler = config.data, config.training, config.scheduler
    if data.clip is not None and data.task == "language":
        yield f'data.clip = {data.clip:g} bounds standardised inputs, and "{data.kind}" has symbols: leave it out'
    elif data.clip is not None and not data.standardise:
        yield f"data.clip = {data.clip:g} bounds standardised inputs, and data.standardise is false: leave one out"
    if (
        isinstance(scheduler, Plateau)
        and scheduler.watch.startswith("val_")
        and training.validate_every >= training.epochs > 1
    ):
        yield (
            f"scheduler.watch = {scheduler.watch!r} is measured only after the last epoch, with "
            f"training.validate_every = {training.validate_every} of {training.epochs} epochs: validate more often"
        )
