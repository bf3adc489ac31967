"""`--once`: a screen as text from a program without a terminal."""

from __future__ import annotations

import subprocess
import sys

from tui_trainer.text import cell_width


def test_a_finished_run_is_printed_without_a_terminal(finished):
    shell, _ = finished
    done = shell("open", "done", "--once", "--width", "90", "--height", "25")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert len(lines) == 25
    assert max(map(cell_width, lines)) <= 90
    assert "done" in lines[0]
    assert "\x1b" not in done.out


def test_the_size_comes_from_the_environment_where_it_is_not_given(finished):
    shell, _ = finished
    done = shell("compare", "done", "--once", COLUMNS="70", LINES="16")
    assert len(done.out.splitlines()) == 15
    assert "1 run" in done.out


def test_the_home_screen_and_the_lecture_are_printed(finished):
    shell, _ = finished
    home = shell("--once")
    assert home.code == 0
    assert "digits-mlp" in home.out
    lecture = shell("lecture", "S24", "--once")
    assert lecture.code == 0
    assert "S22 S23 S24 S41 · schedules" in lecture.out
    assert shell.runs == ["done"]  # nothing was trained


def test_a_closed_output_is_no_error(finished):
    shell, _ = finished
    program = f"{sys.executable} -m tui_trainer open done --once"
    done = subprocess.run(
        ["bash", "-c", f"{program} | head -1; echo ${{PIPESTATUS[0]}}; {program} >&-; echo $?"],
        cwd=shell.directory,
        stdin=subprocess.DEVNULL,
        env=shell._environ,
        capture_output=True,
        text=True,
    )
    first, head, closed = done.stdout.splitlines()
    assert "done" in first
    assert (head, closed) == ("0", "0")
    assert done.stderr == ""


def test_what_is_wrong_with_the_options_is_said(finished):
    shell, _ = finished
    for words, message in (
        (["open", "done", "--width", "90"], "--width needs --once"),
        (["open", "done", "--once", "--screen", "chart"], "--screen 'chart': no such screen here; did you mean"),
        (["open", "done", "--once", "--width", "3"], "20<=x<=1000"),
        (["--once", "runs"], "write --once after the command: `runs ... --once`"),
        (["run", "tiny.toml", "--once", "--headless"], "use only one of"),
        (["lecture", "--once", "--play"], "use only one of"),
    ):
        done = shell(*words)
        assert (done.code, done.out) == (2, ""), words
        assert message in done.err


def test_a_live_run_is_shown_and_trains_on(shell):
    done = shell("run", "tiny.toml", "--name", "live", "training.epochs=1000000", "--once", "--height", "12")
    assert done.code == 0, done.err
    assert "live" in done.out.splitlines()[0]
    first = shell("attach", "live", "--once", "--height", "12")
    (run,) = shell.json("runs")
    assert (first.code, run["status"]) == (0, "running")
    later = shell("attach", "live", "--once", "--height", "12")
    assert later.out != first.out
    shell("send", "live", "stop", "when=now", "save=false")


def test_a_replay_prints_both_runs_and_the_verdict(finished):
    shell, _ = finished
    done = shell("replay", "runs/done", "--once", "--height", "15", "--runs-dir", "replays")
    lines = done.out.splitlines()
    assert done.code == 0, done.err
    assert lines[-1].startswith("identical over")
    assert "1/2" in lines[0]
