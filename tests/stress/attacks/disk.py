"""A full disk, and bytes that change under a run that is over."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.sandbox import Place
from tests.stress.attacks import Outcome
from tests.stress.attacks.folders import LONG, Watched, all_there


def full_disk(times: int) -> Outcome:
    """A small tmpfs fills up while the run trains: it says what is not saved; given room, everything is saved again."""
    outcome = Outcome()
    for size in ("600k", "64m")[:times]:
        why_not = _fill(outcome, size)
        if why_not:
            outcome.note = why_not
            break
        outcome.times += 1
    return outcome


def _fill(outcome: Outcome, grown: str) -> str:
    """Fill a disk, give it another size, and end the run; why that could not be tried, empty where it was."""
    disk = Path(tempfile.mkdtemp(prefix="ttd-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        return "not allowed to mount a tmpfs here"
    place = Place(disk)
    try:
        run = Watched(place, "run", *LONG, "--name", "x")
        outcome.expect(run.says("NOT SAVED"), f"nothing was said: {run.printed[-300:]}")
        subprocess.run(["mount", "-o", f"remount,size={grown}", str(disk)], check=True, capture_output=True)
        room = grown != "600k"
        if room:
            outcome.expect(run.says("saving has recovered"), "saving did not resume")
            outcome.expect(run.saves(), "nothing was saved afterwards")
        code = run.end()
        outcome.expect(code == 0, f"ended with {code}: {run.printed[-300:]}")
        outcome.expect(room or "NOT SAVED: checkpoint" in run.printed[-3000:], "the end does not say what is missing")
        outcome.note = next((line[:90] for line in run.printed.splitlines() if "NOT SAVED" in line), "")
        status = place.json("runs")[0]["status"]
        outcome.expect(status in (("finished",) if room else ("dead", "finished")), f"then it is {status}")
        if room:
            all_there(outcome, place, run)
    finally:
        place.close()
        subprocess.run(["umount", str(disk)], check=False)
        shutil.rmtree(disk, ignore_errors=True)
    return ""


LOOK = """
import sys
from pathlib import Path
from tui_trainer.cli.main import main
from tui_trainer.session.base import Greeting, Notice
from tui_trainer.session.finished_run import JournalSession
folder = Path(sys.argv[1])
session = JournalSession(folder)
for _ in range(20):
    session.drain()
codes = [main([*command]) for command in (
    ["runs", "--runs-dir", str(folder.parent)],
    ["compare", str(folder)],
    ["export", str(folder), "--to", "csv", "-o", "/dev/null"],
    ["resume", str(folder), "--epochs", "9"],
)]
sys.exit(0 if all(code in (0, 2) for code in codes) else 1)
"""


def altered_bytes(times: int, seed: int) -> Outcome:
    """A byte is flipped, or a file cut, anywhere in a run folder: it opens, or is refused with a message."""
    outcome, source = Outcome(), random.Random(seed)
    place = Place()
    try:
        place.run("run", "tiny.toml", "--name", "whole")
        original = place.folder("whole")
        truth = place.curve("whole")
        for number in range(times):
            if outcome.late:
                break
            copy = place.folder(f"c{number}")
            shutil.copytree(original, copy)
            files = [path for path in copy.rglob("*") if path.is_file() and path.stat().st_size]
            path = source.choice(files)
            data = bytearray(path.read_bytes())
            if source.random() < 0.3:
                data = data[: source.randrange(len(data))]
            else:
                data[source.randrange(len(data))] ^= 1 << source.randrange(8)
            path.write_bytes(data)
            where = str(path.relative_to(copy))
            done = subprocess.run(
                [sys.executable, "-c", LOOK, str(copy)], env=place.environ, capture_output=True, text=True, timeout=120
            )
            outcome.times += 1
            outcome.expect("Traceback" not in done.stderr, f"{where}: {done.stderr[-300:]}")
            outcome.expect(done.returncode == 0, f"{where}: exit {done.returncode}: {done.stderr[-200:]}")
            if where == "events.jsonl":
                rows = {row["step"]: row for row in place.curve(f"c{number}")}
                for row in truth:  # a line may be missing, never wrong
                    for name, value in rows.get(row["step"], {}).items():
                        outcome.expect(value in ("", row.get(name)), f"{where}: step {row['step']} {name} is {value}")
            shutil.rmtree(copy)
    finally:
        place.close()
    return outcome


def code_in_files(times: int) -> Outcome:
    """Pickles, archives and odd headers as checkpoints: refused, and an audit hook sees nothing executed."""
    outcome = Outcome()
    place = Place()
    try:
        place.run("run", "tiny.toml", "--name", "whole")
        for number, data in enumerate(list(_evil_files())[:times]):
            if outcome.late:
                break
            copy = place.folder(f"e{number}")
            shutil.copytree(place.folder("whole"), copy)
            for name in ("last", "best", ".previous-last"):
                (copy / "checkpoints" / f"{name}.safetensors").write_bytes(data)
            done = subprocess.run(
                [sys.executable, "-c", AUDIT, str(copy)], env=place.environ, capture_output=True, text=True, timeout=120
            )
            outcome.times += 1
            outcome.expect(done.returncode == 0, f"file {number}: {done.stdout[-200:]} {done.stderr[-300:]}")
            outcome.expect(not (place.directory / "executed").exists(), f"file {number} was executed")
    finally:
        place.close()
    return outcome


AUDIT = """
import sys
from pathlib import Path
import torch, safetensors.torch
from tui_trainer.engine.checkpointing.checkpointer import find_last
from tui_trainer.engine.checkpointing.file_format import load, BadCheckpoint
seen = []
def hook(event, arguments):
    if event in ("exec", "compile", "os.system", "subprocess.Popen", "pickle.find_class", "os.exec", "marshal.loads"):
        seen.append((event, str(arguments)[:80]))
folder = Path(sys.argv[1]) / "checkpoints"
sys.addaudithook(hook)
tree, wrong = find_last(folder)
for path in folder.glob("*.safetensors"):
    try:
        load(path)
    except BadCheckpoint:
        pass
if tree is not None or seen:
    print("tree", tree is not None, seen)
    sys.exit(1)
"""


def _evil_files():
    import io
    import json
    import pickle  # noqa: TID251 - made to be refused
    import zipfile

    class Evil:
        def __reduce__(self):
            return os.system, ("touch executed",)

    yield pickle.dumps(Evil())
    yield pickle.dumps({"model": Evil()}, protocol=2)
    for name in ("archive/data.pkl", "data.pkl", "code/__torch__.py"):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(name, pickle.dumps(Evil()))
        yield out.getvalue()
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", b"\0" * 50_000_000)
    yield bomb.getvalue()

    def header(value: object, tail: bytes = b"") -> bytes:
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        return len(text).to_bytes(8, "little") + text + tail

    yield header({})
    yield header({"__metadata__": {"format": "tui-trainer/1", "state": "{}"}})
    yield header({"__metadata__": {"format": "tui-trainer/1", "sha256": "0" * 64, "state": "{}"}})
    yield header({"w": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}}, b"\0" * 4)
    yield header({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**62]}}, b"\0" * 4)
    yield header({"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"\0" * 4)
    yield header(b"[" * 100_000)
    yield header(b'{"a":' * 50_000 + b"1" + b"}" * 50_000)
    yield (2**64 - 1).to_bytes(8, "little")
    yield (2**40).to_bytes(8, "little") + b"{}"
    yield b""
    yield b"\x80\x04."
    yield b"#!/bin/sh\ntouch executed\n"
    yield os.urandom(4096)
