"""`run --guard`: a rule that is applied and kept in run.toml, or refused with what is allowed."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from tests.cli.conftest import TINY

RULE = 'when step >= 3 and loss > 0: note "three", lr x0.5, at most 1 time'


def test_a_guard_acts_is_kept_and_is_replayed(shell: Any) -> None:
    done = shell("run", "tiny.toml", "--name", "a", "--guard", RULE)
    assert done.code == 0, done.err
    assert "note: three (guard)" in done.out
    folder = shell.directory / "runs" / "a"
    assert tomllib.loads((folder / "run.toml").read_text())["guards"] == [{"rule": RULE}]
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    acted = [event for event in events if (event.get("cause") or {}).get("by") == "guard"]
    assert [(event["type"], event["step"]) for event in acted] == [("Noted", 3), ("SettingChanged", 3)]
    assert acted[0]["cause"]["because"].startswith(f"{RULE}: ")
    again = shell("replay", "a", "--headless")
    assert "identical over" in again.out, again.err


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("val_loss rises 3 epochs", "is no guard: write when CONDITION: ACTION"),
        ("when val_los rises 3 epochs: pause", "--guard: 'val_los rises 3 epochs': no metric 'val_los'"),
        ("when loss > 1: dropuot = 0.2", "no knob 'dropuot' to set"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(rule: str, said: str, shell: Any) -> None:
    refused = shell("run", "tiny.toml", "--name", "a", "--guard", rule)
    assert refused.code == 2
    assert said in refused.err
    assert not (shell.directory / "runs" / "a").exists()


def test_a_preset_with_a_bad_guard_names_its_key(shell: Any) -> None:
    (shell.directory / "own.toml").write_text(TINY + '[[guards]]\nrule = "when loss > 3: explode"\n')
    refused = shell("run", "own.toml", "--headless")
    assert refused.code == 2
    assert "guards.0.rule" in refused.err
    assert "'explode' is no action" in refused.err
