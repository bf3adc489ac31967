"""User code by import path: named in the refusal, and imported only with --trust."""

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
path = "user_code.code:load"
[model]
kind = "import"
path = "user_code.code:net"
"""


@pytest.fixture
def untrusted(tmp_path, monkeypatch):
    """A directory with another author's preset, and its code, which writes a file when it is imported."""
    package = tmp_path / "user_code"
    package.mkdir()
    trace = f"open({str(tmp_path / 'executed')!r}, 'w').close()\n"
    (package / "__init__.py").write_text(trace)
    (package / "code.py").write_text(trace)
    (tmp_path / "preset.toml").write_text(PRESET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_of_bundled_components_imports_nothing():
    assert imports(tiny_config()) == []
    check_trust([tiny_config()], "x", trust=False)


def test_the_refusal_names_every_import_and_imports_none(untrusted):
    preset = load("preset.toml")
    with pytest.raises(UserError) as refused:
        host_spec(preset, str(untrusted / "runs"), None, [])
    for part in ("preset.toml", "user_code.code:load", "user_code.code:net", "--trust"):
        assert part in str(refused.value)
    assert str(untrusted / "user_code" / "__init__.py") in str(refused.value)
    assert not (untrusted / "executed").exists()
    assert not (untrusted / "runs").exists()
    assert "user_code" not in sys.modules


def test_another_authors_run_is_listed_and_opened_without_importing_its_code(untrusted):
    folder = untrusted / "runs" / "imported"
    folder.mkdir(parents=True)
    (folder / "run.toml").write_text(PRESET)
    (folder / "events.jsonl").write_text("")
    assert [info.name for info in list_runs(untrusted / "runs")] == ["imported"]
    session = JournalSession(folder)
    for _ in range(3):
        session.drain()
    assert load(str(folder)).first.model.kind == "import"
    assert not (untrusted / "executed").exists()


def test_every_part_that_runs_code_is_named():
    own = {"kind": "import", "path": "mine:code"}
    config = tiny_config(loss=own, optimizer={**own, "lr": 0.1}, metrics={"f1": {"path": "mine:f1"}}, scheduler=own)
    keys = [line.split(" = ")[0] for line in imports(config)]
    assert keys == ["loss.path", "optimizer.path", "scheduler.path", "metrics.f1.path"]
    with pytest.raises(UserError, match=r"mine:f1.*--trust"):
        check_trust([config], "x", trust=False)


def test_trust_allows_the_imports(untrusted):
    spec = host_spec(load("preset.toml"), str(untrusted / "runs"), None, [], trust=True)
    assert spec.trust


@pytest.mark.parametrize("path", ["os.system", "a:b:c", "a:b(1)", "../x:y", "a b:c", "a:", ":b"])
def test_only_dotted_names_are_import_paths(path):
    with pytest.raises(ValueError):
        tiny_config(model={"kind": "import", "path": path})
