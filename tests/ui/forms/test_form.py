"""Forms of pydantic models, parsing of numbers, and search."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from tui_trainer.components.base import Count, Share, choices
from tui_trainer.components.models import MLP
from tui_trainer.components.optimizers.first_order import Adam, AnyOptimizer
from tui_trainer.components.optimizers.imported import ImportedOptimizer
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.protocol.commands import SetClip, SetEpochs, SetLearningRate
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.forms.model_fields import read, specs, written
from tui_trainer.ui.forms.parse_number import metric_values, parse_clip, parse_epochs, parse_rate
from tui_trainer.ui.fuzzy import ranked, score

COMPONENTS = [cls for union in (AnyScheduler, AnyOptimizer) for kind, cls in choices(union).items() if kind != "import"]


class Everything(BaseModel):
    """One field of each kind."""

    rate: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """How fast."""
    count: Count | None = None
    """How many."""
    shape: Literal["round", "square"] = "round"
    on: bool = False
    pair: tuple[Share, Share] = (0.1, 0.2)
    name: str = "x"
    inner: dict[str, int] = {}

    @model_validator(mode="after")
    def _sense(self) -> Everything:
        if self.name == "bad":
            raise ValueError("bad makes no sense")
        return self


def test_fields_describe_their_values() -> None:
    found = {spec.name: spec for spec in specs(Everything)}
    kinds = {name: spec.kind for name, spec in found.items()}
    assert kinds == {
        "rate": "number",
        "count": "whole",
        "shape": "choice",
        "on": "switch",
        "pair": "list",
        "name": "text",
        "inner": "table",
    }
    assert found["rate"].bounds == "> 0, < 1"
    assert found["rate"].help == "How fast."
    assert found["count"].optional
    assert found["count"].bounds == "≥ 1"
    assert found["shape"].options == ("round", "square")
    assert found["pair"].default == "0.1, 0.2"


def test_typed_text_is_parsed() -> None:
    texts = {
        "rate": "1e-3",
        "count": "7",
        "shape": "square",
        "on": "yes",
        "pair": "0.3, 0.4",
        "name": "y",
        "inner": "{a = 1}",
    }
    model = read(Everything, texts).model
    assert model == Everything(rate=1e-3, count=7, shape="square", on=True, pair=(0.3, 0.4), name="y", inner={"a": 1})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rate", "2", "less than 1"),
        ("rate", "two", "not a number: two"),
        ("rate", "", "empty"),
        ("rate", "nan", ""),
        ("count", "1.5", "integer"),
        ("pair", "0.1", "required"),
        ("pair", "0.1, x", "not a number"),
        ("name", "bad", "bad makes no sense"),
        ("inner", "{a = ", "dictionary"),
    ],
)
def test_an_invalid_field_has_an_error(name: str, text: str, words: str) -> None:
    filled = read(Everything, {name: text})
    assert filled.model is None
    assert words in filled.errors.get("" if name == "name" else name, "nothing")


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_every_component_survives_its_form(component: type[BaseModel]) -> None:
    texts = {spec.name: spec.default for spec in specs(component)}
    assert read(component, texts).model == component()
    assert all(spec.help or spec.name in ("kind", "type") for spec in specs(component))


def test_values_are_formatted_as_users_write_them() -> None:
    assert [written(value) for value in (None, True, 0.001, (1.0, 2.5), "a", 3)] == [
        "",
        "yes",
        "0.001",
        "1, 2.5",
        "a",
        "3",
    ]


def test_rates() -> None:
    assert parse_rate("3e-4") == SetLearningRate(value=3e-4)
    assert parse_rate("x2") == SetLearningRate(factor=2)
    assert parse_rate("/4") == SetLearningRate(factor=0.25)
    for text in ("", "0", "-1", "inf", "x", "x-1", "x1e-400", "/1e400", "1_0e"):
        with pytest.raises(ValueError):
            parse_rate(text)


def test_clips() -> None:
    assert parse_clip("0") == parse_clip("off") == SetClip(value=0)
    assert parse_clip("1.5") == SetClip(value=1.5)
    for text in ("", "-1", "nan", "a lot"):
        with pytest.raises(ValueError):
            parse_clip(text)


def test_epochs() -> None:
    assert parse_epochs("30") == SetEpochs(value=30)
    assert parse_epochs("+5") == SetEpochs(add=5)
    assert parse_epochs("-5") == SetEpochs(add=-5)
    for text in ("", "0", "+0", "1.5", "9" * 40, "--1"):
        with pytest.raises(ValueError):
            parse_epochs(text)


def test_metric_values() -> None:
    state = RunState()
    state.column("val_accuracy").extend([10, 20], [0.5, 0.75])
    state.column("mean_train_loss").extend([10], [1.5])
    assert metric_values(state, "val_error") == [(10, 0.5), (20, 0.25)]
    assert metric_values(state, "train_loss") == [(10, 1.5)]
    assert metric_values(state, "val_loss") == []


def test_search_prefers_beginnings() -> None:
    names = ["learning rate", "rate x2", "operate", "re-order a thing"]
    assert ranked("rate", names, lambda name: (name,))[0] == "rate x2"
    assert ranked("", names, lambda name: (name,)) == names
    assert ranked("zzz", names, lambda name: (name,)) == []
    assert score("rt", "rate") > 0


GROUPS = [{"match": "head.*", "lr_factor": 10}]


@pytest.mark.parametrize(
    "value",
    [
        Adam(groups=GROUPS),
        Adam(),
        ImportedOptimizer(path="a:b", arguments={"beta": 0.8, "name": "x", "sizes": [1.0, 2.0]}, groups=GROUPS),
        MLP(weights="base.safetensors", weights_skip=("out.*", "b"), frozen=("hidden1.*",)),
        MLP(),
    ],
)
def test_what_a_form_shows_is_read_again(value: BaseModel) -> None:
    filled = read(type(value), {name: written(item) for name, item in value})
    assert filled.errors == {}
    assert filled.model == value


def test_fields_that_are_rarely_used_are_shown_where_they_are_set() -> None:
    rare = {"weights", "weights_skip", "frozen"}
    assert not rare & {spec.name for spec in specs(MLP)}
    assert not rare & {spec.name for spec in specs(MLP, value=MLP())}
    assert rare & {spec.name for spec in specs(MLP, value=MLP(frozen=("a",)))} == {"frozen"}
