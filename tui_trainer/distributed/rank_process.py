"""One process of a run: `python -m tui_trainer.distributed.rank_process`, started by the launcher."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys

from tui_trainer.distributed.environment import launched_spec, leave_code, rank
from tui_trainer.distributed.leader import Leader
from tui_trainer.errors import UserError
from tui_trainer.host.host import Host
from tui_trainer.host.log_capture import LogCapture
from tui_trainer.host.spec import HostSpec, early_log


def main() -> int:
    """Run this rank. Returns its exit code."""
    faulthandler.enable()
    spec = launched_spec()
    assert spec is not None, "started by the launcher"
    if rank():
        from tui_trainer.distributed.follower import FollowingRank

        return quiet(FollowingRank(device_of(spec)).run())
    output = LogCapture(early_log(spec))
    output.capture()
    try:
        host = Host(spec, output=output, others=Leader(spec))
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return leave_code(error.exit_code)
    code = host.serve()
    output.release()
    output.discard_if_early(early_log(spec).parent)
    return leave_code(code)


def device_of(spec: HostSpec) -> str:
    """Return `training.device` of the run."""
    return str(spec.runs[0].config.get("training", {}).get("device", "auto"))


def quiet(code: int) -> int:
    """Return the exit code of another rank than the first: an orderly end is none that a launcher has to act on."""
    return 0 if code in (0, 2, 130) else code


def leave(code: int) -> None:
    """End the process without destructors: one of a group whose other members are gone may wait for them for good."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
