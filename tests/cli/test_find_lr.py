"""`find-lr` of a preset, a finished run and a live one; bad input."""

from __future__ import annotations

import json

from tests.support import wait_for


def test_a_preset_is_tried_without_a_run_folder(shell):
    done = shell("find-lr", "tiny.toml", "--steps", "40")
    assert "40 steps, about" in done.err
    assert "loss by rate" in done.out
    assert done.code == (1 if "no clear learning rate" in done.out else 0)
    assert not (shell.directory / "runs").exists()


def test_a_finished_run_is_tried_from_its_last_weights_and_left_as_it_is(shell):
    assert shell("run", "tiny.toml", "--name", "one").code == 0
    journal = (shell.directory / "runs/one/events.jsonl").read_bytes()
    found = json.loads(shell("find-lr", "one", "--steps", "20", "--low", "1e-5", "--high", "0.1", "--json").out)
    assert (found["name"], found["lr"], found["rates"][0]) == ("one", 0.1, 1e-5)
    assert found["step"] == 4 * 5  # 96 samples, 20 in a batch, 4 epochs
    assert len(found["losses"]) == len(found["rates"])
    assert (shell.directory / "runs/one/events.jsonl").read_bytes() == journal


def test_a_live_run_is_asked_and_trains_on(shell):
    started = shell("run", "tiny.toml", "training.epochs=1000000", "--detach", "--name", "alive")
    assert started.code == 0
    try:
        wait_for(lambda: shell("send", "alive", "find-lr", "price=true").code == 0)
        done = shell("find-lr", "alive", "--steps", "20", "--json")
        assert "20 steps, about" in done.err
        assert json.loads(done.out)["steps"] <= 20
    finally:
        shell("send", "alive", "stop", "when=now")


def test_bad_input_names_what_is_wrong(shell):
    for arguments, words in [
        (("tinny",), "no preset 'tinny'"),
        (("tiny.toml", "optimizer.lrr=1"), "optimizer"),
        (("tiny.toml", "--low", "1", "--high", "0.1"), "the lower one first"),
        (("tiny.toml", "--steps", "101"), "10<=x<=100"),
    ]:
        done = shell("find-lr", *arguments)
        assert done.code == 2
        assert words in done.err
        assert "Traceback" not in done.err
