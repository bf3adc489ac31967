"""Start the processes of a run with torch's launcher: `python -m tui_trainer.distributed.launcher` with a `HostSpec` as
JSON on standard input. The launcher tells a process that fails, and ends the others."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from tui_trainer.distributed.environment import CODE, DIRECTORY, SPEC, STORE
from tui_trainer.host.spec import HostSpec

RANK_MODULE = "tui_trainer.distributed.rank_process"
SHUTDOWN_SECONDS = 600
"""Seconds that the ranks have to validate and save after a signal to the launcher."""


def launch(spec: HostSpec, module: str = RANK_MODULE) -> int:
    """Train a run in the processes that its spec asks for, and wait for their end. Returns the exit code of the run.

    Args:
        module: the module that is run in each process.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    directory = Path(tempfile.mkdtemp(prefix="tui-trainer-ranks-"))
    (directory / SPEC).write_text(spec.model_dump_json())
    os.environ[DIRECTORY] = str(directory)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all of them are on this machine
    failed = ""
    try:
        elastic_launch(_config(spec, directory), sys.executable)("-P", "-m", module)
    except ChildFailedError as error:
        failed = _first_failure(error)
    except SignalException:
        pass
    finally:
        code = _code(directory)
        shutil.rmtree(directory, ignore_errors=True)
    if code is None:
        _note(spec, failed or "ended before it could say why")
        return 1
    return code


def _config(spec: HostSpec, directory: Path) -> Any:
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig

    signals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", *([spec.requeue_signal] if spec.requeue_signal else [])]
    settings: dict[str, Any] = {
        "min_nodes": 1,
        "max_nodes": 1,
        "nproc_per_node": spec.processes,
        "run_id": directory.name,
        "rdzv_backend": "c10d",
        "rdzv_endpoint": str(directory / f"{STORE}-agent"),
        "rdzv_configs": {"store_type": "file"},
        "max_restarts": 0,
        "monitor_interval": 0.1,
        "local_addr": "127.0.0.1",
        "logs_specs": DefaultLogsSpecs(log_dir=str(directory / "logs")),
        "signals_to_handle": ",".join(dict.fromkeys(signals)),
        "shutdown_timeout": SHUTDOWN_SECONDS,
    }
    known = LaunchConfig.__dataclass_fields__  # earlier versions of torch lack the last ones
    return LaunchConfig(**{name: value for name, value in settings.items() if name in known})


def _first_failure(error: Any) -> str:
    """Return by what the process that failed first was ended, with its rank."""
    rank, failure = error.get_first_failure()
    code = failure.exitcode
    by = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return by if rank == 0 else f"{by} (rank {rank} first)"


def _code(directory: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int((directory / CODE).read_text())
    return None


def _note(spec: HostSpec, reason: str) -> None:
    """Leave beside the journal that rank 0 is gone, where it has not written its end itself."""
    from tui_trainer.distributed.ends import leave_note
    from tui_trainer.runs.history import read_history

    folder = Path(spec.runs[0].path)
    try:
        history = read_history(folder / "events.jsonl")
    except OSError:
        return
    if history.finished is None:
        leave_note(folder, reason, history.last_step)


def main() -> int:
    """Read the spec from standard input, and launch."""
    spec = HostSpec.model_validate_json(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.close(null)
    return launch(spec)


if __name__ == "__main__":
    code = main()
    os._exit(code)
