"""The lines of runs on the home screen: result, curve and size, and the headings of sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runs.many_runs import age, make_run
from tests.ui.fake_session import app_over, press, screen_text, show, until
from tests.ui.screens.test_home_tabs import Store
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.connect import RunDirectory

SIZES = pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=["80x24", "140x40"])
SET = "2026-11-28_191611_init-grid_af0c"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a directory with a single run whose loss falls, and a set of two that another run has come between."""
    directory = tmp_path / "runs"
    single = make_run(directory / "2026-11-28_190000_wine_d0be", started="2026-11-28T19:05:00.000Z")
    losses = [ev.EpochEnded(step=k, epoch=k, seconds=200.0, metrics={"val_loss": 8.0 - k}) for k in range(1, 9)]
    events = [*losses, ev.RunFinished(step=8, epoch=8, reason="completed", metrics={"val_loss": 0.25})]
    (single / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
    (single / "model.bin").write_bytes(b"x" * 1_250_000)
    for variant, minute in (("relu", "00"), ("tanh", "10")):
        make_run(directory / SET / variant, preset="init-grid", started=f"2026-11-28T19:{minute}:00.000Z")
    age(directory)
    return directory


def line_with(text: str, words: str) -> str:
    return next(line for line in text.splitlines() if words in line)


@SIZES
async def test_a_run_has_its_result_curve_and_size(runs: Path, size: tuple[int, int]) -> None:
    app = app_over(catalogue=RunDirectory(str(runs)))

    async with show(app, size) as pilot:
        await until(pilot, lambda: "Start with" in screen_text(app))
        await press(pilot, "2")
        await until(pilot, lambda: "1.3 MB" in screen_text(app))
        line = line_with(screen_text(app), "wine d0be · ")
        assert "loss 0.25 █▇▆▅▄▃▂▁ 1.3 MB" in " ".join(line.split())
        assert all(len(line) <= size[0] for line in screen_text(app).splitlines())


@SIZES
async def test_the_runs_of_a_set_stand_under_its_heading(runs: Path, size: tuple[int, int]) -> None:
    app = app_over(catalogue=RunDirectory(str(runs)))

    async with show(app, size) as pilot:
        await until(pilot, lambda: "Start with" in screen_text(app))
        await press(pilot, "2")
        await until(pilot, lambda: "init-grid af0c · " in screen_text(app))
        lines = screen_text(app).splitlines()
        heading = next(k for k, line in enumerate(lines) if "(2 runs)" in line)
        assert "init-grid af0c" in lines[heading]
        assert [lines[heading + 1].split()[1], lines[heading + 2].split()[1]] == ["tanh", "relu"]
        await press(pilot, "slash", *"relu")
        await until(pilot, lambda: "(2 runs)" not in screen_text(app))
        assert "init-grid af0c/relu" in screen_text(app)
        await press(pilot, "ctrl+u")
        await until(pilot, lambda: "(2 runs)" in screen_text(app))


async def test_a_curve_is_read_again_only_where_its_run_has_changed(runs: Path, monkeypatch) -> None:
    from tui_trainer.ui.keeping import run_figures
    from tui_trainer.ui.screens.home import Home

    read: list[str] = []
    size_of = run_figures.size_of
    monkeypatch.setattr(run_figures, "size_of", lambda path: read.append(Path(path).name) or size_of(path))
    monkeypatch.setattr(Home, "RELOAD_INTERVAL", 0.0)
    app = app_over(catalogue=RunDirectory(str(runs)))

    async with show(app, (140, 40)) as pilot:
        await until(pilot, lambda: "Start with" in screen_text(app))
        assert read == []
        await press(pilot, "2")
        await until(pilot, lambda: "1.3 MB" in screen_text(app))
        await press(pilot, "down", "up", "1", "2")
        assert sorted(read) == ["2026-11-28_190000_wine_d0be", "relu", "tanh"]
        (runs / SET / "relu" / "kept.json").write_text(json.dumps({"tags": ["good"]}))
        await until(pilot, lambda: "good" in screen_text(app) and len(read) == 4)
        assert read[3] == "relu"


async def test_a_run_without_a_folder_has_no_size(tmp_path: Path) -> None:
    starting = RunInfo("s", str(tmp_path / "s"), "running", preset="spirals", starting=True)
    here = RunInfo("h", str(make_run(tmp_path / "h")), "finished", "completed")
    app = app_over(catalogue=Store(tmp_path, [starting, here]))

    async with show(app, (140, 40)) as pilot:
        await until(pilot, lambda: "Start with" in screen_text(app))
        await press(pilot, "2")
        await until(pilot, lambda: "428 B" in screen_text(app))
        assert "starting" in screen_text(app)
        assert " 0 B" not in screen_text(app)
