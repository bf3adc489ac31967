"""One process of a run without a screen: rank 0 prints the lines of the run, the others write a log each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_trainer.cli.processes.count import with_processes
from tui_trainer.distributed.environment import world_size
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec


def train_rank(processes: int | None, make_spec: Callable[[], HostSpec | None]) -> int:
    """Train in one of several processes that torchrun, or another launcher, has started.

    Args:
        processes: `--processes`, which has to be their number.
        make_spec: returns the run; called by rank 0 alone.
    """
    count = world_size()
    if processes not in (None, count):
        raise UserError(f"--processes {processes}: the launcher has started {count}; leave --processes out")
    return train(count, make_spec)


def train(count: int, make_spec: Callable[[], HostSpec | None]) -> int:
    """Train in this process, and end it.

    Args:
        count: the number of processes.
        make_spec: returns the run, None where nothing is left to train; called by rank 0 alone.
    """
    from tui_trainer.distributed.environment import leave_code, rank
    from tui_trainer.distributed.follower import FollowingRank
    from tui_trainer.distributed.rank_process import leave, quiet

    if rank():
        leave(quiet(FollowingRank().run()))
    code = 0
    try:
        spec = make_spec()
        if spec is None:
            sys.stderr.write("the run is complete; there is nothing to resume\n")
        else:
            code = _lead(with_processes(spec, count))
    except UserError as error:
        from tui_trainer.text import visible

        sys.stderr.write(f"tui-trainer: {visible(str(error))}\n")
        code = error.exit_code
    except SystemExit as error:
        code = int(error.code or 0)
    leave(leave_code(code))
    return code


def _lead(spec: HostSpec) -> int:
    from tui_trainer.cli import headless
    from tui_trainer.distributed.leader import Leader

    # A batch system warns with this signal, and the other ranks take it for a stop too.
    spec = spec.model_copy(update={"requeue_signal": spec.requeue_signal or "SIGUSR1"})
    return headless.train(spec, Leader(spec))


if __name__ == "__main__":
    from tui_trainer.distributed.environment import launched_spec

    train(world_size(), launched_spec)
