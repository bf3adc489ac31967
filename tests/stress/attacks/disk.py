"""A full disk, altered bytes in a finished run, and code in checkpoints."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.sandbox import Sandbox
from tests.stress.attacks import Outcome
from tests.stress.attacks.folders import LONG, RECOVERED, LongRun, check_complete


def full_disk(times: int) -> Outcome:
    """Fill a small tmpfs while a run trains: it reports what is not saved, and saves everything once there is room."""
    outcome = Outcome()
    for size in ("600k", "64m")[:times]:
        obstacle = _fill(outcome, size)
        if obstacle:
            outcome.note = obstacle
            break
        outcome.times += 1
    return outcome


def _fill(outcome: Outcome, grown: str) -> str:
    """Fill a disk, resize it and end the run; return why that was impossible, else an empty text."""
    disk = Path(tempfile.mkdtemp(prefix="ttd-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        return "not allowed to mount a tmpfs here"
    sandbox = Sandbox(disk)
    try:
        run = LongRun(sandbox, "run", *LONG, "--name", "x")
        outcome.expect(run.says("NOT SAVED"), f"no report: {run.output[-300:]}")
        subprocess.run(["mount", "-o", f"remount,size={grown}", str(disk)], check=True, capture_output=True)
        room = grown != "600k"
        if room:
            outcome.expect(run.says(RECOVERED), "saving did not resume")
            outcome.expect(run.saves(), "nothing was saved afterwards")
        code = run.end()
        outcome.expect(code == (0 if room else 1), f"ended with {code}: {run.output[-300:]}")
        outcome.expect(room or "NOT SAVED: checkpoint" in run.output[-3000:], "the end does not name what is missing")
        outcome.note = next((line[:90] for line in run.output.splitlines() if "NOT SAVED" in line), "")
        status = sandbox.json("runs")[0]["status"]
        outcome.expect(status in (("finished",) if room else ("dead", "finished")), f"the status is {status}")
        if room:
            check_complete(outcome, sandbox, run)
    finally:
        sandbox.close()
        subprocess.run(["umount", str(disk)], check=False)
        shutil.rmtree(disk, ignore_errors=True)
    return ""


OPEN = """
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
    """Flip a byte or cut a file anywhere in a run folder: it opens, or is refused with a message."""
    outcome, source = Outcome(), random.Random(seed)
    sandbox = Sandbox()
    try:
        sandbox.run("run", "tiny.toml", "--name", "intact")
        original = sandbox.folder("intact")
        truth = sandbox.curve("intact")
        for number in range(times):
            if outcome.late:
                break
            copy = sandbox.folder(f"c{number}")
            shutil.copytree(original, copy)
            files = [path for path in copy.rglob("*") if path.is_file() and path.stat().st_size]
            path = source.choice(files)
            data = bytearray(path.read_bytes())
            if source.random() < 0.3:
                data = data[: source.randrange(len(data))]
            else:
                data[source.randrange(len(data))] ^= 1 << source.randrange(8)
            path.write_bytes(data)
            file = str(path.relative_to(copy))
            done = _python(sandbox, OPEN, copy)
            outcome.times += 1
            outcome.expect("Traceback" not in done.stderr, f"{file}: {done.stderr[-300:]}")
            outcome.expect(done.returncode == 0, f"{file}: exit {done.returncode}: {done.stderr[-200:]}")
            if file == "events.jsonl":
                rows = {row["step"]: row for row in sandbox.curve(f"c{number}")}
                for row in truth:  # a line may be missing, never wrong
                    for name, value in rows.get(row["step"], {}).items():
                        outcome.expect(value in ("", row.get(name)), f"{file}: step {row['step']} {name} is {value}")
            shutil.rmtree(copy)
    finally:
        sandbox.close()
    return outcome


def code_in_files(times: int) -> Outcome:
    """Use pickles, archives and odd headers as checkpoints: they are refused, and an audit hook sees no execution."""
    outcome = Outcome()
    sandbox = Sandbox()
    try:
        sandbox.run("run", "tiny.toml", "--name", "intact")
        for number, data in enumerate(list(_malicious_files())[:times]):
            if outcome.late:
                break
            copy = sandbox.folder(f"e{number}")
            shutil.copytree(sandbox.folder("intact"), copy)
            for name in ("last", "best", ".previous-last"):
                (copy / "checkpoints" / f"{name}.safetensors").write_bytes(data)
            done = _python(sandbox, AUDIT, copy)
            outcome.times += 1
            outcome.expect(done.returncode == 0, f"file {number}: {done.stdout[-200:]} {done.stderr[-300:]}")
            outcome.expect(not (sandbox.directory / "executed").exists(), f"file {number} was executed")
    finally:
        sandbox.close()
    return outcome


def _python(sandbox: Sandbox, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter, with the folder as its argument."""
    line = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(line, env=sandbox.environ, capture_output=True, text=True, timeout=300)


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


def _malicious_files():
    import io
    import json
    import pickle  # noqa: TID251 - made to be refused
    import zipfile

    class Malicious:
        def __reduce__(self):
            return os.system, ("touch executed",)

    yield pickle.dumps(Malicious())
    yield pickle.dumps({"model": Malicious()}, protocol=2)
    for name in ("archive/data.pkl", "data.pkl", "code/__torch__.py"):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(name, pickle.dumps(Malicious()))
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
