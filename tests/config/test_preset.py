"""Presets: valid and invalid configurations, and the error messages."""

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
def test_every_preset_is_valid_and_its_dump_loads_as_the_same_runs(name, tmp_path):
    loaded = load(name)
    assert loaded.first.title
    assert loaded.first.summary
    for config in loaded.runs.values():
        path = tmp_path / "dumped.toml"
        path.write_text(dump(config))
        assert load(str(path)).first == config


def test_pictures_are_names_or_tables():
    plain = build({"pictures": ["layers", {"kind": "coverage", "every": 3}]}, name="x", source="x").first
    assert [(picture.kind, picture.every) for picture in plain.pictures] == [("layers", 0), ("coverage", 3)]
    (picture,) = build({}, name="x", source="x", overrides=["pictures=layers"]).first.pictures
    assert picture.kind == "layers"
    assert build(tomllib.loads(dump(plain)), name="x", source="x").first == plain


def test_the_default_preset_exists():
    assert DEFAULT_PRESET in preset_names()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[optimiser]\nkind='sgd'", ["x.toml", "optimiser", "did you mean 'optimizer'"]),
        ("[optimizer]\nkind='adm'", ["optimizer.kind", "'adm'", "did you mean 'adam'"]),
        ("[optimizer]\nkind='sgd'\nmomentm=0.9", ["optimizer.momentm", "did you mean 'momentum'"]),
        ("[optimizer]\nlr=-1", ["optimizer.lr", "-1", "must be greater than 0"]),
        ("[optimizer]\nlr=nan", ["optimizer.lr", "nan"]),
        ("[data]\nvalidation=1.5", ["data.validation", "1.5", "must be greater than 0 and less than 1"]),
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
        ("pictures = ['effective-step']\n[optimizer]\nkind='sgd'", ["does not scale it", "adagrad, rmsprop or adam"]),
        ("pictures = ['activation']\n[model]\nkind='linear'", ["hidden units", 'kinds = ["relu", "tanh"]']),
        ("pictures = ['confidence']\n[loss]\nkind='hinge'", ["probabilities", '"hinge"', '"cross-entropy"']),
        ("a = 1\nb = = 2", ["x.toml", "line 2", "column"]),
        ("a = 'x", ["line 1"]),
        ('[optimizer]\n"l\\nr" = 1', ["optimizer.l\u240ar", "unknown key"]),
    ],
)
def test_an_error_names_file_key_given_value_and_what_is_allowed(text, parts, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(UserError) as refusal:
        load(str(path))
    message = str(refusal.value)
    assert [part for part in parts if part not in message] == [], message
    assert message.count("\n") == 0
    assert len(message) < 400


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("digts-mlp", ["no preset 'digts-mlp'", "did you mean 'digits-mlp'"]),
        ("nowhere/x.toml", ["'nowhere/x.toml'", "does not exist"]),
    ],
)
def test_a_missing_preset_gives_the_nearest_name(source, parts):
    with pytest.raises(UserError) as refusal:
        load(source)
    assert all(part in str(refusal.value) for part in parts), refusal.value


def test_overrides_are_dotted_keys_with_toml_values_or_bare_words():
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
    ("override", "parts"),
    [
        ("optimizer.lrr=1", ["optimizer.lrr", "did you mean 'lr'"]),
        ("optimzer.lr=1", ["optimzer", "did you mean 'optimizer'"]),
        ("optimizer.lr", ["KEY=VALUE"]),
        ("=3", ["KEY=VALUE"]),
        ("optimizer.lr=fast", ["optimizer.lr", "'fast'"]),
        ("model.hidden=[1,", ["model.hidden"]),
    ],
)
def test_a_bad_override_is_named_in_the_error(override, parts):
    with pytest.raises(UserError) as refusal:
        load("digits-mlp", [override])
    assert all(part in str(refusal.value) for part in parts), refusal.value


def test_another_kind_keeps_only_the_shared_fields_of_the_family():
    merged = merge(
        {"optimizer": {"kind": "adam", "lr": 0.003, "betas": [0.8, 0.9]}},
        {"optimizer": {"kind": "sgd", "momentum": 0.9}},
    )
    assert merged["optimizer"] == {"kind": "sgd", "lr": 0.003, "momentum": 0.9}


def test_each_variant_is_a_run_of_the_group():
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
    race = build(table, name="race", source="race.toml", overrides=["training.epochs=3"])
    assert {name: (run.optimizer.kind, run.optimizer.lr, run.training.epochs) for name, run in race.runs.items()} == {
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
def test_a_file_that_would_be_slow_to_parse_is_refused_quickly(text, tmp_path):
    path = tmp_path / "slow.toml"
    path.write_text(text)
    before = time.process_time()
    with pytest.raises(UserError):
        load(str(path))
    assert time.process_time() - before < 5  # tomllib takes a minute for some of these


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(preset_names()), st.data())
def test_a_mutated_preset_is_valid_or_the_error_names_its_source(name, data):
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
