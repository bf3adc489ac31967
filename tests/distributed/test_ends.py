"""Ranks that are gone: which, by what, and what that costs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from tui_trainer.distributed.ends import LostRanks, describe_loss, leave_end, leave_note
from tui_trainer.distributed.environment import Member
from tui_trainer.distributed.files import read_ended

ROOT = Path(__file__).parents[2]


def waited_for(holds: Callable[[], Any], seconds: float = 120.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return value


def a_child(code: str = "import time; time.sleep(600)") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-S", "-c", code])


def members_of(*pids: int) -> list[Member]:
    return [Member(pid, socket.gethostname()) for pid in pids]


def test_a_rank_that_was_killed_is_named_with_its_signal(tmp_path: Path) -> None:
    child = a_child()
    lost = LostRanks(tmp_path, members_of(os.getpid(), child.pid))
    assert lost.found() == {}
    child.kill()
    try:
        assert waited_for(lost.found) == {1: "was killed by SIGKILL"}
    finally:
        child.wait()
    # Nothing is left of the process: the system does not say by what it ended.
    assert lost.found() == {1: "is gone without a word: it was killed (SIGKILL), or could not start"}


def test_a_rank_that_ended_by_itself_is_named_with_its_code(tmp_path: Path) -> None:
    child = a_child("raise SystemExit(3)")
    try:
        found = waited_for(LostRanks(tmp_path, members_of(os.getpid(), child.pid)).found)
    finally:
        child.wait()
    assert found == {1: "ended with exit code 3"}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("division by zero"), "failed: ZeroDivisionError: division by zero"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out of memory"),
        (MemoryError(), "failed: out of memory; smaller batches need less"),
    ],
)
def test_the_error_of_a_rank_is_told_and_not_that_of_those_who_lost_it(
    error: BaseException, told: str, tmp_path: Path
) -> None:
    lost = LostRanks(tmp_path, members_of(os.getpid(), os.getpid(), os.getpid()))
    leave_end(tmp_path, 1, 40, RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer"))
    assert lost.found() == {}  # it lost another one
    leave_end(tmp_path, 2, 41, error)
    found = lost.found()
    assert list(found) == [2]
    assert told.lower() in found[2].lower()


def test_the_words_for_a_loss(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    lost = {3: "was killed by SIGKILL"}
    assert describe_loss(lost, 1499, folder, (1450, 2)) == (
        "rank 3 was killed by SIGKILL; at step 1,499; on disk: last of step 1,450, 49 steps lost; go on with "
        "`tui-trainer resume run`"
    )
    assert "no checkpoint is on disk: all 7 steps are lost" in describe_loss(lost, 7, folder, None)
    assert "; 2 more ranks; " in describe_loss(dict.fromkeys(range(6), "is gone"), 7, folder, None)


def test_a_note_beside_the_journal_stays_as_it_was_left_first(tmp_path: Path) -> None:
    leave_note(tmp_path, "was killed by SIGKILL", 12)
    leave_note(tmp_path, "ended with exit code 1", 13)
    assert read_ended(tmp_path).startswith("rank 0 was killed by SIGKILL; at step 12; no checkpoint is on disk")


def ranks_of(run: str) -> dict[int, psutil.Process]:
    """Return the processes of a run by their ranks."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if run in words and "torchrun" not in " ".join(words) and "RANK" in (told := process.environ()):
                found.setdefault(int(told["RANK"]), process)
        except psutil.Error:
            continue
    return found


@pytest.mark.long
def test_a_run_goes_on_by_itself_after_a_rank_was_killed(tmp_path: Path) -> None:
    name = f"restarted-{os.getpid()}"
    journal = tmp_path / name / "events.jsonl"
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--max-restarts=3", "--master-port=0",
        "--rdzv-backend=static", "--monitor-interval=0.1", "-m", "tui_trainer", "run", "digits-mlp", "--name", name,
        "--resume-if-exists", "--headless", "--runs-dir", str(tmp_path), "training.epochs=9",
        "early_stopping.enabled=false", "checkpoints.every_steps=20", "training.steps_per_second=30",
        "data.batch_size=128",
    ]  # fmt: skip
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

    def events(kind: str) -> list[dict[str, Any]]:
        lines = journal.read_text().splitlines() if journal.exists() else []
        return [json.loads(line) for line in lines if f'"type":"{kind}"' in line]

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        command[6] = f"--master-port={free.getsockname()[1]}"
    with (tmp_path / "printed").open("wb") as printed:
        launcher = subprocess.Popen(command, env=environment, stdout=printed, stderr=printed)
    try:
        for victim in (1, 0):  # rank 0 cannot write its own end
            starts = len(events("RunStarted"))
            waited_for(lambda: len(ranks_of(name)) == 2, 240)
            waited_for(lambda starts=starts: len(events("RunStarted")) > starts or starts == 0, 240)
            waited_for(lambda: any(one["name"] == "last" for one in events("CheckpointSaved")), 240)
            ranks_of(name)[victim].send_signal(signal.SIGKILL)
        assert launcher.wait(400) == 0, (tmp_path / "printed").read_text()[-3000:]
    finally:
        launcher.kill()
        for process in ranks_of(name).values():
            process.kill()
    assert [one["reason"] for one in events("RunFinished")][-1] == "completed"
    assert events("RunFinished")[-1]["step"] == 9 * 12
    starts = [one["step"] for one in events("RunStarted")]
    assert starts[0] == 0
    assert all((step > 0 and step % 20 == 0) or step % 12 == 0 for step in starts[1:])
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1  # under the same name
