"""A run folder that is taken away, or cannot be written, while its run trains."""

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

from benchmarks.sandbox import Place, wait_for
from tests.stress.attacks import Outcome

LONG = ("tiny.toml", "training.epochs=1000000", "checkpoints.every_seconds=0.2")


class Watched:
    """A run that would go on for hours, and what it prints."""

    def __init__(self, place: Place, *arguments: str, **options: Any) -> None:
        self.name = arguments[-1]
        self.folder = place.folder(self.name)
        self._printed = place.sockets / f"{self.name}.out"  # the other directory may be full
        with open(self._printed, "w") as file:
            self.process = place.start(*arguments, stdout=file, stderr=subprocess.STDOUT, **options)

    @property
    def printed(self) -> str:
        """Everything it has printed."""
        return self._printed.read_text(errors="replace")

    def saves(self) -> bool:
        """Wait until a checkpoint is on disk that was not before."""
        last = self.folder / "checkpoints/last.safetensors"
        before = last.stat().st_mtime_ns if last.exists() else 0
        return bool(wait_for(lambda: last.exists() and last.stat().st_mtime_ns > before))

    def says(self, words: str, times: int = 1) -> bool:
        """Wait until it has said something so many times."""
        return bool(wait_for(lambda: self.printed.count(words) >= times or self.process.poll() is not None))

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def removed(times: int) -> Outcome:
    """The folder is removed while the run trains, and made again: saving resumes, and everything is there again."""
    outcome = Outcome()
    place = Place()
    try:
        for name in ("killed", "back", "gone")[:times]:
            if outcome.late:
                break
            outcome.times += 1
            run = Watched(place, "run", *LONG, "--name", name)
            outcome.expect(run.saves(), f"{name}: nothing was saved: {run.printed[-300:]}")
            shutil.rmtree(run.folder)
            outcome.expect(run.says("NOT SAVED"), f"{name}: nothing was said")
            if name == "gone":
                code = run.end()
                outcome.expect(code == 0, f"{name}: ended with {code}: {run.printed[-300:]}")
                outcome.expect("NOT SAVED: checkpoint last" in run.printed[-2000:], f"{name}: the end does not say it")
                continue
            run.folder.mkdir()
            outcome.expect(run.says("saving has recovered"), f"{name}: saving did not resume")
            outcome.expect(run.saves(), f"{name}: nothing was saved afterwards")
            if name == "killed":
                run.end(signal.SIGKILL)
                run = Watched(place, "resume", name)
                outcome.expect(run.says("resumed at step"), f"{name}: not resumed: {run.printed[-300:]}")
            code = run.end()
            outcome.expect(code == 0, f"{name}: ended with {code}: {run.printed[-300:]}")
            all_there(outcome, place, run)
    finally:
        place.close()
    return outcome


def all_there(outcome: Outcome, place: Place, run: Watched) -> None:
    """Everything that a run folder holds is there, and every number is the one that training again gives."""
    for part in ("run.toml", "about.json", "events.jsonl", "host.log", "checkpoints/best.safetensors"):
        outcome.expect((run.folder / part).exists(), f"{run.name}: no {part}")
    code, out, err = place.run("replay", run.name)
    last = out.strip().splitlines()[-1:]
    outcome.expect(code == 0 and last and last[0].startswith("identical over"), f"{run.name}: {last} {err[-300:]}")


def read_only(times: int) -> Outcome:
    """The folder is made read-only while the run trains, and writable again; a file system turns read-only for good."""
    outcome = Outcome()
    notes: list[str] = []
    for name, attack in (("permissions", _permissions), ("immutable", _immutable), ("emergency", _emergency))[:times]:
        if outcome.late:
            break
        why_not = attack(outcome)
        outcome.times += not why_not
        notes.append(f"{name}: {why_not}" if why_not else name)
    outcome.note = ", ".join(notes)
    return outcome


ORDINARY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""A superuser for whom the bits of a directory count as for anybody else."""


def _permissions(outcome: Outcome) -> str:
    """The writing bits are taken away."""
    place = Place()
    prefix = ORDINARY if os.geteuid() == 0 else ()
    if prefix and (
        shutil.which(prefix[0]) is None or subprocess.run([*prefix, "true"], capture_output=True).returncode
    ):
        return "a superuser writes everywhere, and setpriv is refused here"
    try:
        run = Watched(place, "run", *LONG, "--name", "permissions", prefix=prefix)
        outcome.expect(run.saves(), f"permissions: nothing was saved: {run.printed[-300:]}")

        def change(mode: int) -> None:
            for path in (run.folder / "checkpoints", run.folder):
                path.chmod(mode)

        _off_and_on(outcome, place, run, lambda: change(0o555), lambda: change(0o755))
    finally:
        place.close()
    return ""


def _immutable(outcome: Outcome) -> str:
    """Every file and directory is made immutable: not even a descriptor that is open can be written through."""
    place = Place()
    run = None

    def change(sign: str) -> bool:
        done = subprocess.run(["chattr", "-R", f"{sign}i", str(place.folder("immutable"))], capture_output=True)
        return done.returncode == 0

    if shutil.which("chattr") is None:
        return "no chattr here"
    try:
        run = Watched(place, "run", *LONG, "--name", "immutable")
        outcome.expect(run.saves(), f"immutable: nothing was saved: {run.printed[-300:]}")
        if not (change("+") and change("-")):
            run.end(signal.SIGKILL)
            return "chattr +i is refused here"
        _off_and_on(outcome, place, run, lambda: change("+"), lambda: change("-"))
    finally:
        change("-")
        place.close()
    return ""


def _off_and_on(
    outcome: Outcome, place: Place, run: Watched, off: Callable[[], object], on: Callable[[], object]
) -> None:
    """Twice not writable and writable again; then the run holds everything, to the bit."""
    for time in (1, 2):
        off()
        outcome.expect(run.says("NOT SAVED", time), f"{run.name}: nothing was said: {run.printed[-300:]}")
        before = epoch_said(run)
        wait_for(lambda before=before: epoch_said(run) > before)
        outcome.expect(epoch_said(run) > before, f"{run.name}: training did not go on")
        on()
        outcome.expect(run.says("saving has recovered", time), f"{run.name}: saving did not resume")
        outcome.expect(run.saves(), f"{run.name}: nothing was saved afterwards")
    code = run.end()
    outcome.expect(code == 0, f"{run.name}: ended with {code}: {run.printed[-300:]}")
    all_there(outcome, place, run)


def epoch_said(run: Watched) -> int:
    """The epoch in the newest line about one."""
    found = re.findall(r"^epoch +(\d+)/", run.printed[-4000:], re.MULTILINE)
    return int(found[-1]) if found else 0


def _emergency(outcome: Outcome) -> str:
    """The kernel finds an error in the file system and turns it read-only, files that are open for writing and all."""
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
                return f"{command[0]} is refused here"
        device = Path(
            os.path.realpath(f"/sys/dev/block/{os.major(mount.stat().st_dev)}:{os.minor(mount.stat().st_dev)}")
        )
        trigger = Path("/sys/fs/ext4") / device.name / "trigger_fs_error"
        if not trigger.exists():
            return "this kernel has no trigger_fs_error"
        place = Place()
        try:
            place.environ["TUI_TRAINER_RUNS"] = str(mount / "runs")
            run = Watched(place, "run", *LONG, "--name", "emergency")
            run.folder = mount / "runs/emergency"
            outcome.expect(run.saves(), f"emergency: nothing was saved: {run.printed[-300:]}")
            trigger.write_text("1")
            outcome.expect(run.says("NOT SAVED"), f"emergency: nothing was said: {run.printed[-300:]}")
            before = epoch_said(run)
            wait_for(lambda: epoch_said(run) > before)
            code = run.end()
            outcome.expect(code == 0, f"emergency: ended with {code}: {run.printed[-300:]}")
            outcome.expect("Read-only file system" in run.printed, "emergency: the reason is not said")
            outcome.expect("NOT SAVED: checkpoint last" in run.printed[-3000:], "emergency: the end does not say it")
            outcome.expect(place.curve("emergency"), "emergency: what was written before does not open")
        finally:
            place.close()
    finally:
        subprocess.run(["umount", str(mount)], check=False, capture_output=True)
        shutil.rmtree(disk, ignore_errors=True)
    return ""
