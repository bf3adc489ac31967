"""docs/monitor.md shows code that runs, and names arguments and methods that exist."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from scripts.script_screens import SHOTS
from tests.docs.pages import DOCS, blocks, page
from tui_trainer import Monitor
from tui_trainer.runs.catalog import list_runs

PAGE = page("monitor.md")


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_TRAINER_RUNS", str(tmp_path))
    exec("\n".join(blocks(PAGE, "python")), {"__name__": "example"})
    runs = {info.preset: info for info in list_runs(tmp_path)}
    assert {name: (info.status, info.step) for name, info in runs.items()} == {
        "my-run": ("finished", 24),
        "policy": ("finished", 21),
        "agent": ("finished", 5),
        "guarded": ("finished", 5),
    }


def test_every_method_and_argument_exists() -> None:
    for name in re.findall(r"`monitor\.(\w+)", PAGE):
        assert hasattr(Monitor, name), name
    arguments = set(inspect.signature(Monitor).parameters) | {
        parameter
        for method in (Monitor.log, Monitor.knob, Monitor.step)
        for parameter in inspect.signature(method).parameters
    }
    for name in re.findall(r"`(\w+)=", PAGE):
        assert name in arguments or name == "TUI_TRAINER", name


@pytest.mark.parametrize("name", SHOTS)
def test_every_picture_stands_on_its_page(name: str) -> None:
    assert f"]({name}.svg)" in page(f"{name}.md")
    assert (DOCS / f"{name}.svg").read_text(encoding="utf-8").startswith("<svg")
    compile(SHOTS[name].script, name, "exec")
