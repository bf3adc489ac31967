"""`y`: the texts that are offered on each page, the bytes that go to the terminal, and commands that run as copied."""

from __future__ import annotations

import base64
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.ui.fake_session import app_over, loss, press, running, screen_text, show, started, until
from tui_trainer.cli.main import cli
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.connect import RunDirectory
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.copying.dashboard_copies import dashboard_copies
from tui_trainer.ui.copying.texts import MOST_BYTES, Copyable, limited, preset_copies, quoted, run_info_copies
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.run_store import RunStore


def state_of(session, **changes) -> ViewState:
    state = ViewState(RunStore(session, user="me"))
    state.store.poll()
    for name, value in changes.items():
        setattr(state, name, value)
    return state


def offered(session, **changes) -> dict[str, str]:
    copies = dashboard_copies(state_of(session, **changes))
    letters = [each.letter for each in copies]
    assert len(set(letters)) == len(letters)
    assert not set(letters) & set("jkgG")  # these move in the list
    return {each.letter: each.text for each in copies}


def parsed(command: str) -> tuple[str, dict[str, Any]]:
    """Return the name of the command and the values that the command line makes of it. Nothing is run."""
    program, name, *words = shlex.split(command)
    assert program == "tui-trainer"
    with cli.make_context("tui-trainer", [name, *words], resilient_parsing=False) as context:
        known = cli.get_command(context, name)
        assert known is not None
        with known.make_context(name, words, parent=context) as inner:
            return name, inner.params


def test_the_values_under_the_cursor_are_those_of_every_series_there():
    session = running(steps=100)
    session.play(ev.Scalars(step=100, steps=[40, 60], seconds=[0.4, 0.6], values={"reward/mean": [1 / 3, 2.5]}))
    texts = offered(session, view=View(cursor=50.0))
    every = dict(line.split("=") for line in texts["a"].splitlines())
    assert every["step"] == "50"
    assert float(every["train_loss"]) == loss(50)
    assert float(every["val_loss"]) == loss(50) + 0.05
    assert float(every["reward/mean"]) == 1 / 3
    assert "reward/mean" not in texts["v"]
    assert float(dict(pair.split("=") for pair in texts["v"].split())["train_loss"]) == loss(50)


def test_without_a_cursor_the_values_are_the_newest():
    texts = offered(running(steps=100))
    assert f"train_loss={loss(100)!r}" in texts["v"].split()


def test_the_page_of_the_layers_offers_its_table():
    rows = [line.split("\t") for line in offered(running(), page="layers")["t"].splitlines()]
    assert rows[0] == ["layer", "gradient norm", "weight norm", "update ratio", "silent"]
    assert rows[1] == ["first", "0.1", "3.0", "0.001", "0.1"]
    assert [row[0] for row in rows[1:]] == ["first", "second", "head"]


def test_the_page_of_the_findings_offers_the_shown_one_and_all():
    session = running()
    for name, evidence in (("PLATEAU", "flat\x1b[2J for 9 epochs"), ("OVERFITTING", "val rises")):
        session.play(
            ev.Diagnosed(step=200, epoch=4, finding=name, severity="warning", evidence=evidence, advice="stop", why="w")
        )
    texts = offered(session, page="findings", finding=0)
    assert texts["f"] in texts["t"]
    assert "flat" in texts["t"]
    assert "val rises" in texts["t"]
    assert "\x1b" not in texts["t"]


def test_runs_beside_each_other_offer_a_row_and_the_table():
    texts = offered(running("first", "other"), selected_index=1)
    table = [line.split("\t") for line in texts["t"].splitlines()]
    assert [row[0] for row in table] == ["run", "first", "other"]
    assert texts["w"].splitlines() == [texts["t"].splitlines()[0], texts["t"].splitlines()[2]]


def test_the_events_are_offered_with_the_one_that_was_found():
    session = running()
    session.play(ev.Noted(step=200, text="needle"), ev.Noted(step=200, text="hay"))
    state = state_of(session)
    needle = next(line for line in state.selected_run.log if "needle" in line.text)  # type: ignore[union-attr]
    newest = {each.letter: each.text for each in dashboard_copies(state)}
    found = {each.letter: each.text for each in dashboard_copies(state, needle)}
    assert newest["e"].endswith("hay")
    assert found["e"].endswith("needle")
    assert found["l"].splitlines()[-2:] == [found["e"], newest["e"]]


@pytest.mark.parametrize("folder", ["/data/runs/plain", "/data/my runs/it's; rm -rf $HOME", '/x/"quoted" `id`'])
def test_the_commands_are_what_the_command_line_reads(folder):
    session = running()
    session.play(started(path=folder), ev.Noted(step=200, text="a mark"))
    texts = offered(session)
    assert texts["p"] == folder
    name, values = parsed(texts["r"])
    assert (name, values["preset"], values["trust"]) == ("run", f"{folder}/run.toml", False)
    name, values = parsed(texts["o"])
    assert (name, values["run"]) == ("attach", folder)
    name, values = parsed(texts["i"])
    assert (name, values["run"]) == ("replay", folder)


def test_a_run_that_imports_code_is_repeated_with_trust():
    for config in (
        {"model": {"kind": "import", "path": "mine:net"}},
        {"loss": {"kind": "import", "path": "mine:loss"}},
        {"optimizer": {"kind": "import", "path": "mine:optimizer"}},
        {"metrics": {"f1": {"path": "mine:f1"}}},
        {"validation_sets": {"far": {"data": {"kind": "import", "path": "mine:data"}}}},
    ):
        session = running()
        session.play(started(config=config))
        assert parsed(offered(session)["r"])[1]["trust"] is True


def test_a_control_character_is_shown_in_a_path_and_inert_in_a_command():
    session = running()
    session.play(started(path="/runs/a\nrm -rf b\x1b[2J"))
    texts = offered(session)
    assert not any(sign in text for text in texts.values() for sign in "\x1b\x07")
    assert texts["p"] == "/runs/a␊rm -rf b␛[2J"
    assert texts["r"] == r"tui-trainer run $'/runs/a\x0arm -rf b\x1b[2J/run.toml'"
    assert quoted("/runs/ü") == shlex.quote("/runs/ü")


def test_lists_offer_names_paths_and_commands(tmp_path):
    info = RunInfo("done", f"{tmp_path}/my run", "finished", epoch=3, step=30, metrics={"val_loss": 0.25})
    texts = {each.letter: each.text for each in run_info_copies(info)}
    assert texts["v"] == "epoch=3 step=30 val_loss=0.25"
    assert parsed(texts["r"])[1]["preset"] == f"{tmp_path}/my run/run.toml"
    assert parsed(texts["o"])[1]["paths"] == (f"{tmp_path}/my run",)
    assert parsed({each.letter: each.text for each in preset_copies("wine")}["r"])[1]["preset"] == "wine"


def test_a_long_text_keeps_its_newest_lines_within_what_terminals_take():
    lines = [f"line {number}" for number in range(20_000)]
    (cut,) = limited([Copyable("l", "the events", "\n".join(lines)), Copyable("x", "nothing", "")])
    assert len(cut.text.encode()) <= MOST_BYTES
    kept = cut.text.splitlines()
    assert kept == lines[-len(kept) :]
    assert cut.told == f"{kept[0]} ... ({len(kept)} lines)"


async def test_what_is_copied_goes_to_the_terminal_as_osc_52_and_is_said(monkeypatch):
    app = app_over(running("first", "other"))
    async with show(app) as pilot:
        written: list[str] = []
        monkeypatch.setattr(app, "_driver", SimpleNamespace(write=written.append), raising=False)
        app.copy_to_clipboard("probe")
        assert base64.b64encode(b"probe").decode() in "".join(written)
        monkeypatch.undo()
        await press(pilot, "r", "r", "j", "y")
        assert "the row of this run" in screen_text(app)
        await press(pilot, "w")
        assert app.clipboard.splitlines()[1].startswith("other\t")
        await until(pilot, lambda: "copied, if the terminal allows it" in screen_text(app))


async def test_a_preset_of_the_home_screen_is_copied(tmp_path):
    app = app_over(catalogue=RunDirectory(str(tmp_path)))
    async with show(app) as pilot:
        await until(pilot, lambda: "digits-mlp" in screen_text(app))
        await press(pilot, "y")
        assert "tui-trainer run digits-mlp" in screen_text(app)
        await press(pilot, "r")
        assert app.clipboard == "tui-trainer run digits-mlp"
        await until(pilot, lambda: "copied, if the terminal allows it" in screen_text(app))


def test_the_run_folder_is_the_one_that_was_opened(tmp_path):
    session = running(kind="finished")
    session.folder = lambda run: Path(tmp_path)  # type: ignore[attr-defined]
    assert offered(session)["p"] == str(tmp_path)
