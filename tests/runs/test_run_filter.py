"""Filter expressions over runs: the grammar, the keys, and the errors."""

from __future__ import annotations

import json
import operator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs.many_runs import make_run
from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.catalog import list_runs
from tui_trainer.runs.run_filter import RunFilter, is_term, matches_terms, parse_filter, select, split_arguments
from tui_trainer.runs.run_info import RunInfo

TOML = """
[data]
kind = "digits"
[model]
kind = "{model}"
hidden = [128, 64]
[optimizer]
kind = "adam"
lr = {lr}
[scheduler]
kind = "cosine"
lr = 7.0
[training]
epochs = 40
"""
RUNS = (("a", "mlp", 0.001, 0.98), ("b", "cnn", 0.01, 0.99), ("c", "mlp", 0.1, None))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a directory with runs that are an hour, two days and three days old, and a damaged one."""
    for days, (name, model, lr, accuracy) in enumerate(RUNS):
        age = timedelta(days=days + (days > 0), hours=1)
        started = (datetime.now(UTC) - age).isoformat().replace("+00:00", "Z")
        folder = make_run(tmp_path / name, preset=f"digits-{model}", started=started)
        (folder / "run.toml").write_text(TOML.format(model=model, lr=lr))
        best = ev.Best(epoch=1, step=30, metric="val_loss", value=lr)
        metrics = {"val_accuracy": accuracy}
        finished = ev.RunFinished(step=30, epoch=1, reason="completed", metrics=metrics, best=best)
        (folder / "events.jsonl").write_bytes(encode_event(finished))
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "events.jsonl").write_bytes(b"\xff\x00")
    (tmp_path / "damaged" / "run.toml").write_bytes(b"\xff[[[")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("lr>=0.01", "b c"),
        ("lr=1e-3", "a"),
        ("optimizer.lr<0.1 model=MLP", "a"),
        ("scheduler.lr=7", "a b c"),
        ("model=m*", "a c"),
        ("model.kind!=mlp", "b damaged"),
        ("hidden=[128,64]", "a b c"),
        ('hidden="[128, 64]"', "a b c"),
        ("val_accuracy>0.97", "a b"),
        ("val_accuracy>0.98", "b"),
        ("val_accuracy=nan", "c"),
        ("best.val_loss<=0.01", "a b"),
        ("best<0.005", "a"),
        ("age<2d", "a"),
        ("age>=1d age<2.5d", "b"),
        ("status=dead", "damaged"),
        ("preset~CNN", "b"),
        ("name=a", "a"),
        ("digits mlp epoch=1", "a c"),
        ("  ", "a b c damaged"),
    ],
)
def test_an_expression_matches(runs, text, found):
    assert sorted(info.name for info in select(text, list_runs(runs))) == found.split()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lr=1 val_acuracy>0.9", r"'val_acuracy>0.9': no run has the key 'val_acuracy'; did you mean 'val_accuracy'"),
        ("optimiser.lr=1", r"did you mean 'optimizer.lr'"),
        ("lr>=", r"'lr>=': the value after '>=' is missing"),
        ("lr>high", r"'lr>high': '>' needs a number, not 'high'"),
        ("lr>nan", r"needs a number"),
        ("age<soon", r"'age<soon': an age is a number and s, m, h, d or w"),
        ('name="a', r"a double quote is not closed"),
    ],
)
def test_an_error_names_the_term_and_the_way_out(runs, text, said):
    with pytest.raises(UserError, match=said):
        select(text, list_runs(runs))


def test_terms_among_arguments_stand_for_runs_and_the_rest_are_names(runs):
    names, matching = split_arguments(["last", "lr>=0.01", "model=mlp"], runs)
    assert (names, [info.name for info in matching]) == (["last"], ["c"])
    (runs / "lr=1").mkdir()
    assert split_arguments(["lr=1", "a"], runs) == (["lr=1", "a"], [])
    with pytest.raises(UserError, match=r"no run in .* matches 'lr>5'"):
        split_arguments(["lr>5"], runs)


def info_with(value: float | None) -> RunInfo:
    return RunInfo("r", "/nowhere/r", "finished", metrics={"m": value})


finite = st.floats(allow_nan=False, allow_infinity=False)
OPERATORS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq}


@given(finite, finite, st.sampled_from(sorted(OPERATORS)))
def test_numbers_compare_as_numbers(actual, limit, op):
    parsed = parse_filter(f"m{op}{limit!r}")
    assert matches_terms(parsed.terms, info_with(actual)) is OPERATORS[op](actual, limit)


@given(st.one_of(finite, st.none()), st.text(min_size=1).filter(lambda text: '"' not in text))
def test_unequal_is_the_opposite_of_equal(actual, value):
    equal, unequal = (parse_filter(f'm{op}"{value}"').terms for op in ("=", "!="))
    info = info_with(actual)
    assert matches_terms(equal, info) is not matches_terms(unequal, info)


@given(st.text())
def test_any_text_is_parsed_or_refused_with_its_token(text):
    refused = ""
    parsed = RunFilter()
    try:
        parsed = parse_filter(text)
    except UserError as error:
        refused = str(error)
    assert not refused or refused.startswith("filter ")
    assert all(is_term(term.token) for term in parsed.terms)
    matches_terms(parsed.terms, info_with(1.0))


@given(st.lists(st.sampled_from(["m>1", "m<5", "m=3", "word", 'name="a b"']), max_size=6))
def test_terms_and_words_keep_their_order_and_number(tokens):
    parsed = parse_filter(" ".join(tokens))
    assert [term.token for term in parsed.terms] == [token for token in tokens if token != "word"]
    assert parsed.words == ("word",) * tokens.count("word")


def test_the_shell_lists_what_matches(runs, capsys):
    from tui_trainer.cli.main import main

    assert main(["runs", "lr>=0.01", "model=mlp", "--json", "--runs-dir", str(runs)]) == 0
    assert [run["name"] for run in json.loads(capsys.readouterr().out)] == ["c"]
    assert main(["compare", "lr<=0.01", "--json", "--runs-dir", str(runs)]) == 0
    assert [run["name"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["b", "a"]
    assert main(["runs", "lrr>1", "--runs-dir", str(runs)]) == 2
    assert "no run has the key 'lrr'; did you mean 'lr'?" in capsys.readouterr().err
    assert main(["runs", "lr>5", "--runs-dir", str(runs)]) == 0
    assert "matches 'lr>5'; 4 in all" in capsys.readouterr().err
