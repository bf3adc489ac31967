"""The version of the code of a run: asked of a real git checkout, and of programs that are none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import wait_for
from tui_trainer.runs.comparing.code_version import (
    MAX_FILES,
    CodeReader,
    CodeVersion,
    parse_status,
    read_code,
    recorded_code,
)


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(("git", *identity, *arguments), cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    for name in ("model.py", "naïve data.py", "same.py"):
        (folder / name).write_text("1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_commit_branch_and_changed_files_are_read(checkout: Path) -> None:
    assert read_code(checkout) == CodeVersion(commit=git(checkout, "rev-parse", "HEAD"), branch="trunk")
    (checkout / "model.py").write_text("2\n")
    (checkout / "naïve data.py").unlink()
    (checkout / "untracked.py").write_text("")
    inside = checkout / "deeper"
    inside.mkdir()
    code = CodeReader(inside).result()
    assert code is not None
    assert code.changed == ("model.py", "naïve data.py")
    assert code.words == f"{code.commit[:8]} on trunk, 2 files changed"
    git(checkout, "checkout", "-q", "--detach")
    detached = read_code(checkout)
    assert detached is not None
    assert detached.branch == ""


def test_reading_takes_no_lock_and_writes_nothing(checkout: Path) -> None:
    (checkout / ".git" / "index.lock").write_text("")
    (checkout / "model.py").write_text("2\n")
    before = (checkout / ".git" / "index").read_bytes()
    code = read_code(checkout)
    assert code is not None
    assert code.changed == ("model.py",)
    assert (checkout / ".git" / "index").read_bytes() == before


def test_a_hook_of_the_checkout_is_not_executed(checkout: Path) -> None:
    hook = checkout / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {checkout}/ran\n")
    hook.chmod(0o755)
    git(checkout, "config", "core.fsmonitor", str(hook))
    assert read_code(checkout) is not None
    assert not (checkout / "ran").exists()


def test_outside_a_checkout_and_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_code(tmp_path) is None
    assert read_code(tmp_path / "missing") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_code(tmp_path) is None


def test_a_git_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\nsleep 300 &\necho $! > {tmp_path}/child\nsleep 300\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    written = tmp_path / "child"
    for seconds in (1.0, 10.0, 60.0):  # until the program has come to start something
        assert read_code(tmp_path, seconds=seconds) is None
        if written.exists() and written.read_text().endswith("\n"):
            break
    child = int(written.read_text())
    wait_for(lambda: not alive(child), what="the end of what it started")


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    try:
        # A process that was ended stays until its parent asks: in a container that may be never.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_endless_answer_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    entry = "1 .M N... 100644 100644 100644 a b file.py"
    program.write_text(f"#!/bin/sh\nprintf '# branch.oid abc\\0'\nwhile printf '{entry}\\0{entry}\\0'; do :; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    code = read_code(tmp_path, seconds=60)
    assert code is not None
    assert code.commit == "abc"
    assert len(code.changed) == MAX_FILES
    assert code.changed_count > MAX_FILES


def test_lines_of_any_kind_are_parsed() -> None:
    answer = b"# branch.oid (initial)\0# branch.head (detached)\0? n\0u UU N... 1 2 3 4 a b c in conflict\0\xff\0cut"
    assert parse_status(answer) == CodeVersion(changed=("in conflict",), changed_count=1)
    assert parse_status(b"") == CodeVersion()
    assert CodeVersion().words == "no commit"


def test_about_of_later_starts_and_of_earlier_versions() -> None:
    first, second = ({"commit": name, "branch": "trunk", "changed_count": 0} for name in ("aaaa", "bbbb"))
    about = {"code": first, "resumed": [{"code": second}, "rubbish"]}
    code = recorded_code(about)
    assert code is not None
    assert code.commit == "bbbb"
    earlier = recorded_code({"git_commit": "1234567890-dirty"})
    assert earlier is not None
    assert earlier.words == "12345678, files changed"
    for nothing in ({}, {"code": 3}, {"git_commit": ""}, {"code": {"commit": 3}, "resumed": 7}):
        assert recorded_code(nothing) is None


def test_control_characters_of_names_stay_out_of_texts() -> None:
    assert "\x1b" not in CodeVersion(commit="\x1b[2J", branch="\x1b]0;x\x07").words


def test_a_failing_git_gives_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nprintf '# branch.oid abc\\0'\nexit 128\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert read_code(tmp_path) is None
