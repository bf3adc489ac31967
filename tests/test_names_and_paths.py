"""Names and paths mean the same in every command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_trainer.config.preset import load
from tui_trainer.config.preset_library import find
from tui_trainer.errors import UserError
from tui_trainer.host.spec import host_spec
from tui_trainer.paths import presets_dir, runs_dir
from tui_trainer.runs.catalog import find_run
from tui_trainer.ui.settings import checked, load_settings


def make_run(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "run.toml").write_text("title = 'x'\n")
    return path


@pytest.mark.parametrize("name", ["last", "1", "007"])
def test_a_name_that_means_something_else_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"'{name}'.*choose another, such as run-{name}"):
        host_spec(load("digits-mlp"), str(tmp_path), name, [])
    assert not (tmp_path / name).exists()


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    run = make_run(tmp_path / "runs" / "one")
    assert runs_dir("~/runs") == tmp_path / "runs"
    monkeypatch.setenv("TUI_TRAINER_RUNS", "~/runs")
    assert runs_dir() == tmp_path / "runs"
    assert find_run("~/runs/one", runs_dir()).path == str(run)
    assert find("~/runs/one") == run / "run.toml"
    assert load("~/runs/one/run.toml").first.title == "x"


def test_a_name_means_the_run_whatever_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "runs" / "one")
    beside = make_run(tmp_path / "one")
    make_run(tmp_path / "last")
    make_run(tmp_path / "digits-mlp")
    monkeypatch.chdir(tmp_path)
    assert find_run("one", tmp_path / "runs").path == str(run)
    assert find_run("last", tmp_path / "runs").path == str(run)
    assert Path(find_run("./one", tmp_path / "runs").path).absolute() == beside
    assert find("digits-mlp").parent == presets_dir()


def test_files_of_editors_are_read(tmp_path: Path) -> None:
    preset = tmp_path / "preset.toml"
    preset.write_bytes(b'\xef\xbb\xbftitle = "x"\r\n[training]\r\nepochs = 7\r\n')
    config = load(str(preset)).first
    assert (config.title, config.training.epochs) == ("x", 7)
    settings = tmp_path / "settings.toml"
    settings.write_bytes(b'\xef\xbb\xbftheme = "light"\r\n')
    assert load_settings(settings).theme == "light"


@pytest.mark.parametrize(
    ("key", "message"),
    [("spcae", "did you mean 'space'"), ("ctrl+pgeup", "did you mean 'pageup'"), ("crtl+x", "'ctrl'")],
)
def test_a_key_that_no_terminal_sends_is_refused(key: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        checked({"keys": {"pause": key}}, "settings.toml")


@pytest.mark.parametrize(
    "key", ["f5", "ctrl+f5", "ctrl+shift+left", "alt+x", "Y", "ö", "%", "percent_sign", "space,f6"]
)
def test_other_keys_are_taken(key: str) -> None:
    assert checked({"keys": {"pause": key}}, "settings.toml").keys == {"pause": key}
