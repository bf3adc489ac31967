"""Code by import path: named before it runs, and run only where somebody said so."""

from __future__ import annotations

import sys

import pytest

from tests.support import tiny_config
from tui_trainer.config.preset import load
from tui_trainer.config.trust import check_trust, imports
from tui_trainer.errors import UserError
from tui_trainer.host.spec import host_spec
from tui_trainer.runs.catalog import list_runs
from tui_trainer.session.finished_run import JournalSession

PRESET = """
[data]
kind = "import"
path = "someones_own.code:load"
[model]
kind = "import"
path = "someones_own.code:net"
"""


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A preset from somebody else, beside code that leaves a trace when it is imported."""
    package = tmp_path / "someones_own"
    package.mkdir()
    trace = f"open({str(tmp_path / 'executed')!r}, 'w').close()\n"
    (package / "__init__.py").write_text(trace)
    (package / "code.py").write_text(trace)
    (tmp_path / "theirs.toml").write_text(PRESET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_usual_run_imports_nothing():
    assert imports(tiny_config()) == []
    check_trust([tiny_config()], "x", trust=False)


def test_the_refusal_names_every_import_and_runs_none(foreign):
    preset = load("theirs.toml")
    with pytest.raises(UserError) as refused:
        host_spec(preset, str(foreign / "runs"), None, [])
    for part in ("theirs.toml", "someones_own.code:load", "someones_own.code:net", "--trust"):
        assert part in str(refused.value)
    assert str(foreign / "someones_own" / "__init__.py") in str(refused.value)
    assert not (foreign / "executed").exists()
    assert not (foreign / "runs").exists()
    assert "someones_own" not in sys.modules


def test_a_run_folder_of_theirs_is_listed_and_opened_without_running_anything(foreign):
    folder = foreign / "runs" / "theirs"
    folder.mkdir(parents=True)
    (folder / "run.toml").write_text(PRESET)
    (folder / "events.jsonl").write_text("")
    assert [info.name for info in list_runs(foreign / "runs")] == ["theirs"]
    session = JournalSession(folder)
    for _ in range(3):
        session.drain()
    assert load(str(folder)).first.model.kind == "import"
    assert not (foreign / "executed").exists()


def test_trusted_it_may(foreign):
    spec = host_spec(load("theirs.toml"), str(foreign / "runs"), None, [], trust=True)
    assert spec.trust


@pytest.mark.parametrize("path", ["os.system", "a:b:c", "a:b(1)", "../x:y", "a b:c", "a:", ":b"])
def test_only_names_are_paths(path):
    with pytest.raises(ValueError):
        tiny_config(model={"kind": "import", "path": path})
