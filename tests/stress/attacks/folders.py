"""A run folder that is removed or read-only while its run trains."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.sandbox import Sandbox, wait_for
from tests.stress.attacks import Outcome

RECOVERED = "saving (works again|has recovered)"
LONG = ("tiny.toml", "training.epochs=1000000", "checkpoints.every_seconds=0.2")


class LongRun:
    """A run that trains for hours unless it is ended, and its output."""

    def __init__(self, sandbox: Sandbox, *arguments: str, **options: Any) -> None:
        self.name = arguments[-1]
        self.folder = sandbox.folder(self.name)
        self._output_path = sandbox.sockets / f"{self.name}.out"  # the sandbox directory may be full
        with open(self._output_path, "w") as file:
            self.process = sandbox.start(*arguments, stdout=file, stderr=subprocess.STDOUT, **options)

    @property
    def output(self) -> str:
        """The output so far."""
        return self._output_path.read_text(errors="replace")

    def saves(self) -> bool:
        """Wait for a new checkpoint and return whether it came."""
        last = self.folder / "checkpoints/last.safetensors"
        before = last.stat().st_mtime_ns if last.exists() else 0
        return bool(wait_for(lambda: last.exists() and last.stat().st_mtime_ns > before))

    def says(self, pattern: str, times: int = 1) -> bool:
        """Wait until the output matches a number of times, or the run ends; return whether it happened in time."""
        return bool(wait_for(lambda: len(re.findall(pattern, self.output)) >= times or self.process.poll() is not None))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def removed(times: int) -> Outcome:
    """Remove the folder while the run trains, and create it again: saving resumes, and all files return."""
    outcome = Outcome()
    sandbox = Sandbox()
    try:
        for name in ("killed", "back", "gone")[:times]:
            if outcome.late:
                break
            outcome.times += 1
            run = LongRun(sandbox, "run", *LONG, "--name", name)
            outcome.expect(run.saves(), f"{name}: nothing was saved: {run.output[-300:]}")
            _remove(run.folder)
            outcome.expect(run.says("NOT SAVED"), f"{name}: no report")
            if name == "gone":
                code = run.end()
                outcome.expect(code == 1, f"{name}: ended with {code}: {run.output[-300:]}")
                outcome.expect(
                    "NOT SAVED: checkpoint last" in run.output[-2000:],
                    f"{name}: the end does not report it: {run.output[-500:]}",
                )
                continue
            run.folder.mkdir()
            outcome.expect(run.says(RECOVERED), f"{name}: saving did not resume")
            outcome.expect(run.saves(), f"{name}: nothing was saved afterwards")
            if name == "killed":
                run.end(signal.SIGKILL)
                run = LongRun(sandbox, "resume", name)
                outcome.expect(run.says("resumed at step"), f"{name}: not resumed: {run.output[-300:]}")
            code = run.end()
            outcome.expect(code == 0, f"{name}: ended with {code}: {run.output[-300:]}")
            check_complete(outcome, sandbox, run)
    finally:
        sandbox.close()
    return outcome


def _remove(folder: Path) -> None:
    """Remove a folder at once: first its name, so that nothing that is being written there comes or goes meanwhile."""
    taken = folder.with_name(f".removed-{folder.name}")
    folder.rename(taken)
    shutil.rmtree(taken)


def check_complete(outcome: Outcome, sandbox: Sandbox, run: LongRun) -> None:
    """Check that the run folder has all its files and that a replay gives the same numbers."""
    for part in ("run.toml", "about.json", "events.jsonl", "host.log", "checkpoints/best.safetensors"):
        outcome.expect((run.folder / part).exists(), f"{run.name}: no {part}")
    code, out, err = sandbox.run("replay", run.name)
    last = out.strip().splitlines()[-1:]
    outcome.expect(code == 0 and last and last[0].startswith("identical over"), f"{run.name}: {last} {err[-300:]}")


def read_only(times: int) -> Outcome:
    """Make the folder read-only while the run trains, and writable again; make a file system read-only for good."""
    outcome = Outcome()
    notes: list[str] = []
    for name, attack in (("permissions", _permissions), ("immutable", _immutable), ("emergency", _emergency))[:times]:
        if outcome.late:
            break
        obstacle = attack(outcome)
        outcome.times += not obstacle
        notes.append(f"{name}: {obstacle}" if obstacle else name)
    outcome.note = ", ".join(notes)
    return outcome


WITHOUT_OVERRIDE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Start a program as root without the right to ignore permission bits."""


def _permissions(outcome: Outcome) -> str:
    """Remove the write permissions."""
    sandbox = Sandbox()
    prefix = WITHOUT_OVERRIDE if os.geteuid() == 0 else ()
    if prefix and (
        shutil.which(prefix[0]) is None or subprocess.run([*prefix, "true"], capture_output=True).returncode
    ):
        return "root ignores permissions, and setpriv is not available here"
    try:
        run = LongRun(sandbox, "run", *LONG, "--name", "permissions", prefix=prefix)
        outcome.expect(run.saves(), f"permissions: nothing was saved: {run.output[-300:]}")

        def change(mode: int) -> None:
            for path in (run.folder / "checkpoints", run.folder):
                path.chmod(mode)

        _block_twice(outcome, sandbox, run, lambda: change(0o555), lambda: change(0o755))
    finally:
        sandbox.close()
    return ""


def _immutable(outcome: Outcome) -> str:
    """Make every file and directory immutable, which also blocks open descriptors."""
    sandbox = Sandbox()
    run = None

    def change(sign: str) -> bool:
        done = subprocess.run(["chattr", "-R", f"{sign}i", str(sandbox.folder("immutable"))], capture_output=True)
        return done.returncode == 0

    if shutil.which("chattr") is None:
        return "no chattr here"
    try:
        run = LongRun(sandbox, "run", *LONG, "--name", "immutable")
        outcome.expect(run.saves(), f"immutable: nothing was saved: {run.output[-300:]}")
        if not (change("+") and change("-")):
            run.end(signal.SIGKILL)
            return "chattr +i is not allowed here"
        _block_twice(outcome, sandbox, run, lambda: change("+"), lambda: change("-"))
    finally:
        change("-")
        sandbox.close()
    return ""


def _block_twice(
    outcome: Outcome, sandbox: Sandbox, run: LongRun, block: Callable[[], object], allow: Callable[[], object]
) -> None:
    """Block and allow writing twice; then the run folder is complete and exact."""
    for count in (1, 2):
        block()
        outcome.expect(run.says("NOT SAVED", count), f"{run.name}: no report: {run.output[-300:]}")
        before = last_epoch(run)
        wait_for(lambda before=before: last_epoch(run) > before)
        outcome.expect(last_epoch(run) > before, f"{run.name}: training did not go on")
        allow()
        outcome.expect(run.says(RECOVERED, count), f"{run.name}: saving did not resume")
        outcome.expect(run.saves(), f"{run.name}: nothing was saved afterwards")
    code = run.end()
    outcome.expect(code == 0, f"{run.name}: ended with {code}: {run.output[-300:]}")
    check_complete(outcome, sandbox, run)


def last_epoch(run: LongRun) -> int:
    """Return the epoch of the last epoch line."""
    epochs = re.findall(r"^epoch +(\d+)/", run.output[-4000:], re.MULTILINE)
    return int(epochs[-1]) if epochs else 0


def _emergency(outcome: Outcome) -> str:
    """Trigger a file system error: the kernel makes the file system read-only, including open files."""
    disk = Path(tempfile.mkdtemp(prefix="ttd-"))
    image, mount = disk / "image", disk / "mount"
    image.write_bytes(b"")
    os.truncate(image, 32 << 20)
    mount.mkdir()
    try:
        for command in (
            ["mkfs.ext4", "-q", "-O", "^has_journal", str(image)],
            ["mount", "-o", "loop,errors=remount-ro", str(image), str(mount)],
        ):
            if shutil.which(command[0]) is None or subprocess.run(command, capture_output=True).returncode:
                return f"{command[0]} is not allowed here"
        device = Path(
            os.path.realpath(f"/sys/dev/block/{os.major(mount.stat().st_dev)}:{os.minor(mount.stat().st_dev)}")
        )
        trigger = Path("/sys/fs/ext4") / device.name / "trigger_fs_error"
        if not trigger.exists():
            return "this kernel has no trigger_fs_error"
        sandbox = Sandbox()
        try:
            sandbox.environ["TUI_TRAINER_RUNS"] = str(mount / "runs")
            run = LongRun(sandbox, "run", *LONG, "--name", "emergency")
            run.folder = mount / "runs/emergency"
            outcome.expect(run.saves(), f"emergency: nothing was saved: {run.output[-300:]}")
            trigger.write_text("1")
            outcome.expect(run.says("NOT SAVED"), f"emergency: no report: {run.output[-300:]}")
            before = last_epoch(run)
            wait_for(lambda: last_epoch(run) > before)
            code = run.end()
            outcome.expect(code == 1, f"emergency: ended with {code}: {run.output[-300:]}")
            outcome.expect("Read-only file system" in run.output, "emergency: the reason is missing")
            outcome.expect("NOT SAVED: checkpoint last" in run.output[-3000:], "emergency: the end does not report it")
            outcome.expect(sandbox.curve("emergency"), "emergency: the saved part does not open")
        finally:
            sandbox.close()
    finally:
        subprocess.run(["umount", str(mount)], check=False, capture_output=True)
        shutil.rmtree(disk, ignore_errors=True)
    return ""
