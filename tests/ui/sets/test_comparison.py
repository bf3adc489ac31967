"""The comparison of several runs: on the screen below the charts, and as text and JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.fake_session import app_over, press, screen_text, show, until
from tests.ui.sets.made_runs import made_run, made_state, settings
from tests.ui.terminal.pseudo_terminal import Pseudo
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.session.multi import MultiSession
from tui_trainer.ui.icons import FANCY
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.sets.comparison import Comparison
from tui_trainer.ui.sets.comparison_page import comparison_page

CODE = {"commit": "12345678" * 5, "branch": "trunk", "changed": ["net.py"], "changed_count": 1}


@pytest.fixture
def two_runs(tmp_path: Path) -> list[Path]:
    other = settings(0.2, loss={"kind": "mse"}) | {"title": "another title"}
    return [
        made_run(tmp_path / "runs" / "plain", [0.5, 0.9], about={"code": CODE}),
        made_run(
            tmp_path / "runs" / "steep", [0.6, 0.8], other, about={"code": CODE | {"changed_count": 0, "changed": []}}
        ),
    ]


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_charts_first_then_values_then_settings(
    two_runs: list[Path], size: tuple[int, int], tmp_path: Path
) -> None:
    session = MultiSession([JournalSession(folder) for folder in two_runs])
    memory = ScreenMemory(tmp_path / "screen.json")
    app = app_over(session, page="comparison", read_only=True, memory=memory)
    async with show(app, size) as pilot:
        await until(pilot, lambda: "90.0 %" in screen_text(app) and "not comparable" in screen_text(app))
        text = screen_text(app)
        assert text.index("1 loss") < text.index("best val accuracy") < text.index("not comparable")
        assert "another title" not in text
        assert "None" not in text
        for _ in range(200):  # the page grows once the code was read
            await press(pilot, "pagedown")
            if "trunk, 1 file changed: net.py" in screen_text(app):
                break
        assert "trunk, 1 file changed: net.py" in screen_text(app)
        assert "optimizer.lr" in screen_text(app) or size[1] < 30
        await press(pilot, "C")
        assert "comparison ─" not in screen_text(app)
        await press(pilot, "C")
        assert "comparison ─" in screen_text(app)
    memory.close()
    # The comparison belongs to these runs: the next screen of the same directory opens without it.
    again = app_over(JournalSession(two_runs[0]), memory=ScreenMemory(tmp_path / "screen.json"))
    async with show(again, size) as pilot:
        assert again.dashboard is not None
        states = again.dashboard.view_state
        await until(pilot, lambda: states.states and states.states[0].over and "1 loss" in screen_text(again))
        assert "comparison ─" not in screen_text(again)


def test_every_line_fits_and_the_selected_run_is_among_the_columns() -> None:
    states = [made_state(f"grid/run{k:02d}", [0.5, 0.5 + k / 100], settings(0.01 * (k + 1))) for k in range(30)]
    comparison = Comparison()
    comparison.update(states, Nothing())
    for width in (20, 40, 78, 138):
        for front in (0, 17, 29):
            lines = comparison_page(states, front, width, FANCY, comparison)
            assert max(line.cell_length for line in lines) <= width
            assert "▸" in lines[0].plain
    rows = {line.plain.split("  ")[0]: line.plain for line in comparison_page(states[:2], 0, 78, FANCY, comparison)}
    assert rows["val accuracy"].split()[2:] == ["50.0", "%", "51.0", "%"]


class Nothing:
    """Stands for the facts of runs without about.json."""

    version = 0

    def ask(self, paths: object) -> None:
        pass

    def of(self, path: str) -> dict[str, object]:
        return {}


@pytest.fixture
def terminal(two_runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pseudo]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    command = [sys.executable, "-m", "tui_trainer", "compare", "plain", "steep", "--runs-dir", str(two_runs[0].parent)]
    pseudo = Pseudo(*command, size=(100, 30))
    yield pseudo
    pseudo.close()


def test_compare_opens_the_screen_in_a_terminal(terminal: Pseudo) -> None:
    terminal.shows("settings that differ")
    assert "1 loss" in terminal.text
    terminal.press("q")
    assert terminal.leave() == 0
    assert terminal.restored()
