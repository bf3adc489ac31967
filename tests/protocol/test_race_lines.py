"""The settings of a race as they are typed."""

from __future__ import annotations

import pytest

from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.race.lines import parse_settings


def test_a_line_stands_for_commands_with_the_optimizer_first_and_the_rate_before_other_settings():
    line = "clip=1 lr=0.03 weight_decay=1e-4 optimizer=adam optimizer.betas=[0.8,0.99] scheduler=cosine"
    commands = parse_settings(line, parse_command)
    assert [command.type for command in commands] == [
        "SetOptimizer", "SetScheduler", "SetLearningRate", "SetClip", "SetKnob",
    ]  # fmt: skip
    assert isinstance(commands[0], cmd.SetOptimizer)
    assert (commands[0].optimizer.kind, commands[0].named) == ("adam", ("betas",))
    assert isinstance(commands[2], cmd.SetLearningRate)
    assert commands[2].value == 0.03


@pytest.mark.parametrize(("text", "factor"), [("x2", 2.0), ("*0.5", 0.5), ("/10", 0.1)])
def test_a_rate_may_be_a_factor(text, factor):
    (command,) = parse_settings(f"lr={text}", parse_command)
    assert isinstance(command, cmd.SetLearningRate)
    assert command.factor == factor


def test_a_race_is_typed_as_lines_and_a_decision_as_a_number_or_none():
    race = parse_command("race", ["lr=0.1", "lr=0.03 optimizer=adam", "steps=20", "because=to see"])
    assert race == cmd.Race(settings=("lr=0.1", "lr=0.03 optimizer=adam"), steps=20, because="to see")
    assert parse_command("take-race", ["2"]) == cmd.TakeRace(lane=2)
    assert parse_command("take-race", ["none"]) == parse_command("take-race", []) == cmd.TakeRace(lane=0)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("race", ["lr=0.1"], "give 2 to 4 settings"),
        ("race", ["lr=0.1", "lr=0.1"], "settings 1 and 2 are the same"),
        ("race", ["lr=0.1", "optimizer=adm"], "'adm'; did you mean 'adam'"),
        ("race", ["lr=0.1", "lr=-1"], "'lr=-1': lr: must be greater than 0 (got -1)"),
        ("race", ["lr=0.1", "lr=/0"], "no rate and no factor"),
        ("race", ["lr=0.1", "optimizer.betas=[0.8,0.9]"], "optimizer: name the kind too"),
        ("race", ["lr=0.1", "batch_size=3"], "share their batches"),
        ("race", ["lr=0.1", "lr=0.2 lr=0.3"], "lr is given twice"),
        ("race", ["lr=0.1", "lr=0.2 faster"], "'faster' is not KEY=VALUE"),
        ("race", ["lr=0.1", "lr=0.2 'x"], "no closing quotation"),
        ("race", ["lr=0.1", "lr=0.2", "steps=501"], "steps: must be at least 1 and at most 500"),
        ("take-race", ["5"], "lane: must be at least 0 and at most 4"),
        ("take-race", ["two"], "lane: must be a whole number"),
    ],
)
def test_bad_input_names_what_is_wrong(name, values, words):
    with pytest.raises(UserError) as error:
        parse_command(name, values)
    assert words in str(error.value)
    assert str(error.value).startswith(("send", "race"))
