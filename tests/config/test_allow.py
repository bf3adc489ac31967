"""`[allow]` in a preset, in settings, and as rules of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_trainer.config.permissions.allow import AgentAllowance, Allow, Allowance, as_overrides
from tui_trainer.config.preset import build, dump, load
from tui_trainer.errors import UserError
from tui_trainer.protocol.wheel.allowed import check_names
from tui_trainer.protocol.wheel.given import parse_allow
from tui_trainer.ui.settings import load_settings


def of(table: object, *rules: str) -> Allow:
    return build({"allow": table}, name="p", source="p.toml", overrides=as_overrides(rules)).first.allow


def test_a_list_stands_for_a_table_and_rules_of_the_command_line_change_single_keys() -> None:
    allow = of({"agent": ["set-lr", "pause"], "script": "none"}, "agent.factor=3", "script.knobs.clip=[0.5, 5]")
    assert allow.agent == AgentAllowance(commands=("set-lr", "pause"), factor=3.0)
    assert allow.script == Allowance(commands=(), knobs={"clip": (0.5, 5.0)})
    assert allow.person == Allowance()
    assert of({"agent": ["set-lr"]}, "agent=pause,note").agent.commands == ("pause", "note")
    assert of({}, "agent=all").agent.commands == ("all",)


def test_a_run_records_what_differs_from_the_defaults_alone(tmp_path: Path) -> None:
    config = build({"allow": {"agent": {"factor": 3}}}, name="p", source="p.toml").first
    text = dump(config)
    assert "[allow.agent]\nfactor = 3.0\n" in text
    path = tmp_path / "run.toml"
    path.write_text(text)
    assert load(str(path)).first == config
    assert "allow" not in dump(load("digits-mlp").first)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"agnet": ["pause"]}, "p.toml: allow.agnet: unknown key; did you mean 'agent'?"),
        ({"agent": {"factr": 2}}, "p.toml: allow.agent.factr: unknown key; did you mean 'factor'?"),
        (
            {"agent": {"factor": 0.5}},
            "p.toml: allow.agent.factor: must be above 1, as in factor = 2, or 0",
        ),
        ({"script": {"lr": [3, 1]}}, "p.toml: allow.script.lr: the lowest, 3, is above the highest, 1"),
    ],
)
def test_mistakes_are_named(table: object, message: str) -> None:
    with pytest.raises(UserError) as caught:
        of(table)
    assert str(caught.value).startswith(message)


def test_a_command_that_does_not_exist_is_named() -> None:
    with pytest.raises(UserError, match=r"--allow: allow.agent.commands.1: no command 'pose'; did you mean 'pause'"):
        parse_allow(("agent=set-lr,pose",), "--allow")
    with pytest.raises(UserError, match=r"write KIND=COMMANDS, or KIND\.RULE=VALUE"):
        parse_allow(("agent",), "--allow")
    check_names(Allow(), "the defaults")


def test_settings_hold_for_the_kinds_that_a_preset_leaves_out(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[allow]\nagent = "none"\nscript = ["pause"]\n')
    base = Allow.model_validate(load_settings(path).allow)
    both = of({"agent": ["note"]}).over(base)
    assert (both.agent.commands, both.script.commands) == (("note",), ("pause",))
    path.write_text('[allow]\nagent = ["pase"]\n')
    with pytest.raises(UserError, match=r"settings.toml: allow.agent.commands.0: no command 'pase'"):
        load_settings(path)
    path.write_text("[allow.agent]\nfactor = 1\n")
    with pytest.raises(UserError, match=r"settings.toml: allow.agent.factor: must be above 1"):
        load_settings(path)
