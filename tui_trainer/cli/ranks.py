"""Runs of several processes on the command line: `--processes N`, and ranks that torchrun has started."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_trainer.distributed.environment import world_size
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec

MOST_PROCESSES = 1024
"""Most processes that `--processes` starts on one machine."""


def with_processes(spec: HostSpec, processes: int | None) -> HostSpec:
    """Return the spec of a run that so many processes train; None leaves the number that it has.

    Raises:
        UserError: they cannot train it together.
    """
    count = processes or spec.processes
    if count == 1:
        return spec.model_copy(update={"processes": 1})
    from tui_trainer.config.run_config import RunConfig
    from tui_trainer.config.shared_training import check_shared

    if count > MOST_PROCESSES:
        raise UserError(f"--processes {count}: at most {MOST_PROCESSES}; this machine has {os.cpu_count()} cores")
    if len(spec.runs) > 1:
        raise UserError(
            f"--processes {count}: this preset has {len(spec.runs)} runs, and only one run can be shared out; write "
            "one of them as a preset of its own"
        )
    check_shared(RunConfig.model_validate(spec.runs[0].config), count)
    threads = spec.threads or max((os.cpu_count() or 1) // count, 1)
    return spec.model_copy(update={"processes": count, "threads": threads})


def train_rank(processes: int | None, make_spec: Callable[[], HostSpec | None]) -> int:
    """Train in one of several processes that torchrun, or another launcher, has started.

    Args:
        processes: `--processes`, which has to be their number.
        make_spec: returns the run; called by rank 0 alone.
    """
    count = world_size()
    if processes not in (None, count):
        raise UserError(f"--processes {processes}: the launcher has started {count}; leave --processes out")
    from tui_trainer.cli.rank_headless import train

    return train(count, make_spec)
