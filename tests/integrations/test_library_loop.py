"""A loop that is driven by callbacks, without any library: where it begins, what it refuses, what its options are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.monitor.conftest import Script, send
from tui_trainer.integrations.installed import required
from tui_trainer.integrations.library_loop import LibraryLoop, unwrapped
from tui_trainer.protocol import commands as cmd


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A script whose runs go to a temporary directory."""
    return Script(tmp_path)


def begin(script: Script, **given: object) -> LibraryLoop:
    """Return the loop of a script, at its beginning."""
    loop = LibraryLoop("try", {"runs_dir": script.runs, "quiet": True}, None)
    loop.begin(model=script.model, optimizer=script.optimizer, epochs=3, per_epoch=5, **given)  # pyright: ignore[reportArgumentType]
    assert loop.monitor is not None
    script.path = Path(loop.monitor.path)
    return loop


def test_it_begins_at_the_step_of_the_librarys_count(script: Script) -> None:
    loop = begin(script, step=10, epoch=2)
    assert loop.monitor is not None
    for _ in range(5):
        loop.monitor.batch_begins()
        loop.monitor.log(loss=script.step(script.inputs, script.targets))
        assert loop.boundary()
    loop.monitor.end_epoch({"val_loss": 0.5})
    loop.end()
    assert sorted(script.series("train_loss")) == [11, 12, 13, 14, 15]
    [ended] = script.events("EpochEnded")
    assert (ended["epoch"], ended["step"], ended["metrics"]["val_loss"]) == (3, 15, 0.5)
    [finished] = script.events("RunFinished")
    assert (finished["reason"], finished["step"]) == ("completed", 15)


def test_a_command_is_refused_as_long_as_there_is_a_reason(script: Script) -> None:
    loop = begin(script, refused={"SetOptimizer": "no"})
    assert loop.monitor is not None
    loop.monitor.refuse(("Stop",), "not yet")
    send(loop.monitor, cmd.Stop())
    script.step(script.inputs, script.targets)
    assert loop.boundary()
    loop.monitor.refuse(("Stop",), "")
    send(loop.monitor, cmd.Stop())
    script.step(script.inputs, script.targets)
    assert not loop.boundary()
    loop.end()
    assert [event["reason"] for event in script.events("Refused")] == ["not yet"]
    told = [event["refused"].get("Stop") for event in script.events("Capabilities")]
    assert told == [None, "not yet", None]
    assert all(event["refused"]["SetOptimizer"] == "no" for event in script.events("Capabilities"))
    assert script.events("RunFinished")[0]["reason"] == "stopped"


def test_nothing_acts_while_gradients_are_half_accumulated(script: Script) -> None:
    loop = begin(script)
    assert loop.monitor is not None
    loop.monitor.batch_begins()
    send(loop.monitor, cmd.SetLearningRate(value=0.01))
    loop.boundary()
    assert script.optimizer.param_groups[0]["lr"] == 0.1
    script.step(script.inputs, script.targets)
    loop.boundary()
    assert script.optimizer.param_groups[0]["lr"] == 0.01
    loop.end()


def test_numbers_that_come_after_the_boundary_belong_to_its_step(script: Script) -> None:
    loop = begin(script)
    assert loop.monitor is not None
    for step in (1, 2):
        loop.monitor.batch_begins()
        script.step(script.inputs, script.targets)
        loop.boundary()
        loop.monitor.log_late({"norm": float(step)})
    loop.end()
    assert script.series("norm") == {1: 1.0, 2: 2.0}


def test_an_error_is_the_reason_of_the_end(script: Script) -> None:
    loop = begin(script)
    loop.end(ValueError("no such file"))
    [finished] = script.events("RunFinished")
    assert finished["reason"] == "failed"
    assert "no such file" in finished["detail"]


def test_an_option_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"there is no option 'run_dir'.*runs_dir"):
        LibraryLoop("try", {"run_dir": "x"}, None)


def test_switched_off_it_does_nothing(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_TRAINER", "off")
    loop = LibraryLoop("try", {"runs_dir": script.runs}, None)
    loop.begin(model=script.model, optimizer=script.optimizer)
    assert loop.boundary()
    loop.end()
    assert list(script.runs.iterdir()) == []


def test_a_missing_library_names_the_extra() -> None:
    with pytest.raises(
        ImportError, match=r"^no_such is not installed; install it with: pip install 'tui-trainer\[x\]'$"
    ):
        required("x", "no_such", "nor_this.part")


def test_a_library_that_is_imported_already_is_taken() -> None:
    assert required("x", "no_such", "json").__name__ == "json"


def test_wrappers_are_taken_off() -> None:
    class Wrapper:
        def __init__(self, module: object) -> None:
            self.module = module

    assert unwrapped(Wrapper(Wrapper(3)), "module") == 3
    assert unwrapped(None, "module") is None


def test_the_package_imports_nothing_by_itself() -> None:
    code = (
        "import sys, tui_trainer.integrations.library_loop\n"
        "heavy = {'torch', 'textual', 'transformers', 'keras', 'pytorch_lightning', 'accelerate'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
