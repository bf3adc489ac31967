"""Presets: what is accepted, what is refused, and the words of the refusal."""

from __future__ import annotations

import time
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_trainer.config import preset as presets
from tui_trainer.config.preset import DEFAULT_PRESET, build, dump, load, merge, preset_names
from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_accepted_and_its_resolved_form_gives_the_same_runs(name, tmp_path):
    loaded = load(name)
    assert loaded.first.title
    assert loaded.first.summary
    for config in loaded.runs.values():
        path = tmp_path / "again.toml"
        path.write_text(dump(config))
        assert load(str(path)).first == config


def test_pictures_are_named_alone_or_in_tables():
    plain = build({"pictures": ["layers", {"kind": "coverage", "every": 3}]}, name="x", source="x").first
    assert [(shot.kind, shot.every) for shot in plain.pictures] == [("layers", 0), ("coverage", 3)]
    (alone,) = build({}, name="x", source="x", overrides=["pictures=layers"]).first.pictures
    assert alone.kind == "layers"
    assert build(tomllib.loads(dump(plain)), name="x", source="x").first == plain


def test_the_default_preset_is_there():
    assert DEFAULT_PRESET in preset_names()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[optimiser]\nkind='sgd'", ["x.toml", "optimiser", "did you mean 'optimizer'"]),
        ("[optimizer]\nkind='adm'", ["optimizer.kind", "'adm'", "did you mean 'adam'"]),
        ("[optimizer]\nkind='sgd'\nmomentm=0.9", ["optimizer.momentm", "did you mean 'momentum'"]),
        ("[optimizer]\nlr=-1", ["optimizer.lr", "-1", "is not allowed: must be above 0"]),
        ("[optimizer]\nlr=nan", ["optimizer.lr", "nan"]),
        ("[data]\nvalidation=1.5", ["data.validation", "1.5", "must be above 0 and below 1"]),
        ("[data]\nbatch_size=0", ["data.batch_size", "0", "at least 1"]),
        ("[training]\nepochs='many'", ["training.epochs", "'many'"]),
        ("[training]\ndevice='gpu'", ["training.device", "'gpu'", "auto, cpu, cuda"]),
        ("[scheduler]\nkind='cosin'", ["scheduler.kind", "did you mean 'cosine'"]),
        ("[model]\nkind='mlp'\nactivation='rellu'", ["model.activation", "'rellu'", "relu"]),
        ("[early_stopping]\nmonitor='val_acuracy'", ["early_stopping.monitor", "did you mean 'val_accuracy'"]),
        ("[data]\nkind='diabetes'\n[scheduler]\nkind='plateau'\nwatch='val_error'", ["scheduler.watch", "classes"]),
        ("pictures = ['layer']", ["pictures.0", "'layer'", "did you mean 'layers'"]),
        ("[[pictures]]\nkind='layers'\nevry=2", ["pictures.0.evry", "did you mean 'every'"]),
        ("pictures = ['layers', 'layers']", ["pictures", '"layers"', "twice"]),
        ("pictures = ['path']", ['"path"', 'model.kind = "mlp"', 'model.kind = "point"']),
        ("pictures = ['predicted']", ['"predicted"', "classes", '"confusion"']),
        ("pictures = ['confusion']\n[data]\nkind='diabetes'", ['"confusion"', "none", '"predicted"']),
        ("pictures = ['effective-step']\n[optimizer]\nkind='sgd'", ["scales none", "adagrad, rmsprop or adam"]),
        ("pictures = ['activation']\n[model]\nkind='linear'", ["hidden units", 'kinds = ["relu", "tanh"]']),
        ("pictures = ['confidence']\n[loss]\nkind='hinge'", ["probabilities", '"hinge"', '"cross-entropy"']),
        ("a = 1\nb = = 2", ["x.toml", "line 2", "column"]),
        ("a = 'x", ["line 1"]),
        ('[optimizer]\n"l\\nr" = 1', ["optimizer.l\u240ar", "unknown key"]),
    ],
)
def test_a_bad_file_is_refused_with_file_key_what_was_given_and_what_is_allowed(text, words, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(UserError) as refusal:
        load(str(path))
    message = str(refusal.value)
    assert [word for word in words if word not in message] == [], message
    assert message.count("\n") == 0
    assert len(message) < 400


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("digts-mlp", ["no preset 'digts-mlp'", "did you mean 'digits-mlp'"]),
        ("nowhere/x.toml", ["'nowhere/x.toml'", "does not exist"]),
    ],
)
def test_a_missing_preset_is_named_with_the_nearest(source, words):
    with pytest.raises(UserError) as refusal:
        load(source)
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_overrides_are_dotted_paths_in_toml_syntax_with_bare_words_as_strings():
    config = load(
        "digits-mlp",
        [
            "optimizer.lr=1e-2",
            "scheduler.kind=staircase",
            "data.batch_size=128",
            "model.hidden=[32, 16]",
            "title=A name",
        ],
    ).first
    assert config.optimizer.lr == 0.01
    assert config.scheduler.kind == "staircase"
    assert config.data.batch_size == 128
    assert config.model.model_dump()["hidden"] == (32, 16)
    assert config.title == "A name"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optimizer.lrr=1", ["optimizer.lrr", "did you mean 'lr'"]),
        ("optimzer.lr=1", ["optimzer", "did you mean 'optimizer'"]),
        ("optimizer.lr", ["KEY=VALUE"]),
        ("=3", ["KEY=VALUE"]),
        ("optimizer.lr=fast", ["optimizer.lr", "'fast'"]),
        ("model.hidden=[1,", ["model.hidden"]),
    ],
)
def test_a_bad_override_is_refused_by_its_own_name(override, words):
    with pytest.raises(UserError) as refusal:
        load("digits-mlp", [override])
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_another_kind_keeps_what_the_family_shares_and_drops_the_rest():
    merged = merge(
        {"optimizer": {"kind": "adam", "lr": 0.003, "betas": [0.8, 0.9]}},
        {"optimizer": {"kind": "sgd", "momentum": 0.9}},
    )
    assert merged["optimizer"] == {"kind": "sgd", "lr": 0.003, "momentum": 0.9}


def test_variants_are_runs_of_their_own_under_one_name():
    table = tomllib.loads(
        """
        title = "Race"
        [optimizer]
        kind = "adam"
        lr = 0.01
        [[variant]]
        name = "adam"
        [[variant]]
        name = "sgd"
        optimizer = {kind = "sgd", lr = 0.1}
        """
    )
    made = build(table, name="race", source="race.toml", overrides=["training.epochs=3"])
    assert {name: (run.optimizer.kind, run.optimizer.lr, run.training.epochs) for name, run in made.runs.items()} == {
        "adam": ("adam", 0.01, 3),
        "sgd": ("sgd", 0.1, 3),
    }


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 15_000) + " = 1",
        "a = {" + ".".join(["b"] * 15_000) + " = 1}",
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "{a=" * 3000 + "1" + "}" * 3000,
        "a = '''" + "x" * 70_000 + "'''",
        '"' + "a" * 60_000,
        "[" * 60_000,
        "a." * 30_000,
    ],
    ids=["dots", "inner-dots", "lists", "tables", "large", "string", "brackets", "trailing"],
)
def test_a_file_made_to_be_slow_is_refused_before_it_costs_anything(text, tmp_path):
    path = tmp_path / "slow.toml"
    path.write_text(text)
    before = time.process_time()
    with pytest.raises(UserError):
        load(str(path))
    assert time.process_time() - before < 5  # the parser alone takes a minute for some of these


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(preset_names()), st.data())
def test_a_mutated_preset_is_accepted_or_refused_with_its_source(name, data):
    table = presets.preset_tables()[name]
    section = data.draw(st.sampled_from([*RunConfig.model_fields, "oddity"]))
    key = data.draw(st.sampled_from(["kind", "lr", "epochs", "batch_size", "hidden", "activation", "x", ""]))
    value = data.draw(VALUES)
    inner = table.get(section)
    table[section] = {**inner, key: value} if isinstance(inner, dict) else value
    message = "mutated.toml"
    try:
        build(table, name=name, source="mutated.toml")
    except UserError as error:
        message = str(error)
    assert "mutated.toml" in message
    assert "\n" not in message
