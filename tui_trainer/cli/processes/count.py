"""The option `--processes N`: a run that so many processes train."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

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
    from tui_trainer.engine.ranks.refusals import check_shared

    if count > MOST_PROCESSES:
        raise UserError(f"--processes {count}: at most {MOST_PROCESSES}; this machine has {os.cpu_count()} cores")
    if len(spec.runs) > 1:
        raise UserError(
            f"--processes {count}: this preset has {len(spec.runs)} runs, and only one run can be shared out; write "
            "one of them as a preset of its own"
        )
    for run in spec.runs:
        check_shared(RunConfig.model_validate(run.config), count)
    threads = spec.threads or max((os.cpu_count() or 1) // count, 1)
    return spec.model_copy(update={"processes": count, "threads": threads})
