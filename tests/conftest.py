"""Fixtures of every test: an environment of its own, and processes that start without importing torch again."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: two workers share the cores, and the sums are tiny

import hypothesis
import pytest

from tests import fork_server
from tests.fork_server import ForkServer
from tui_trainer.session import launch

hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")  # a machine with other load is slow, and no test is about that

_UNSET = (
    *("CLICOLOR", "CLICOLOR_FORCE", "COLORFGBG", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "STY", "TMUX"),
    *("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"),
    *("LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE"),
    *("PYTHONUNBUFFERED", "PYTHONWARNINGS"),
    *("SSH_CONNECTION", "SSH_TTY"),
    *(name for name in os.environ if name.startswith("TUI_TRAINER") and not name.startswith("TUI_TRAINER_TESTS")),
)
"""Variables that say where the tests run: a hook of git, a rank of a job, a narrow terminal, a run of ours."""


def pytest_collection_finish() -> None:
    """Keep torch, Textual and the collected tests out of garbage collections: that saves a sixth of all CPU time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(autouse=True, scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the settings, presets, sockets and runs of the user out of the tests."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in _UNSET:
            patch.delenv(name, raising=False)
        patch.setenv("PYTHONPATH", str(fork_server.ROOT))
        patch.setenv("TUI_TRAINER_SPARE", "0")  # tests of the spare host ask for it
        for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("s")))
        patch.setenv("TUI_TRAINER_RUNS", str(home / "runs"))
        yield home


@pytest.fixture(scope="session")
def forks(environment: Path) -> Iterator[ForkServer]:
    """The process that the processes of tests are forked from; see `tests/fork_server.py`."""
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def forked_hosts(forks: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `launch` fork hosts instead of starting an interpreter for each."""
    monkeypatch.setattr(launch, "subprocess", fork_server.subprocess_with(forks.popen))
