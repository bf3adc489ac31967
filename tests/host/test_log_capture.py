"""The captured output of a host survives the removal of its run directory."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import os, shutil, sys
from pathlib import Path
from tui_trainer.host.log_capture import LogCapture
directory = Path(sys.argv[1])
output = LogCapture(directory / "early.log")
output.capture()
print("early", flush=True)
(directory / "run").mkdir()
allowed = []
def claim():
    if not allowed:
        raise OSError("not ours")
output.move_to(directory / "run" / "host.log", claim)
print("first", flush=True)
seen = output.lines()
shutil.rmtree(directory / "run")
os.system("echo away")
output.check()
(directory / "run").mkdir()
output.check()
assert not list((directory / "run").iterdir())
allowed.append(True)
output.check()
os.system("echo back")
output.check()
seen += output.lines()
assert seen == ["early", "first", "away", "back"], seen
"""


def test_a_removed_log_is_written_again_from_its_first_line(tmp_path):
    done = subprocess.run([sys.executable, "-c", CODE, str(tmp_path)], capture_output=True, text=True)
    assert (tmp_path / "run" / "host.log").read_text() == "early\nfirst\naway\nback\n"
    assert done.returncode == 0
    assert not (tmp_path / "early.log").exists()
