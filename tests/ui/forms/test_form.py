"""Forms made of pydantic models, and single numbers read as commands."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from tui_trainer.components.base import Count, Share, choices
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.protocol.commands import SetClip, SetEpochs, SetLearningRate
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.forms.model_fields import read, specs, written
from tui_trainer.ui.forms.parse_number import read_clip, read_epochs, read_rate, watched_by
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


def test_fields_say_what_they_take() -> None:
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


def test_what_is_typed_is_read() -> None:
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
def test_what_cannot_be_read_says_why_where_it_is(name: str, text: str, words: str) -> None:
    filled = read(Everything, {name: text})
    assert filled.model is None
    assert words in filled.errors.get("" if name == "name" else name, "nothing")


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_every_component_has_a_form_that_gives_back_what_it_shows(component: type[BaseModel]) -> None:
    texts = {spec.name: spec.default for spec in specs(component)}
    assert read(component, texts).model == component()
    assert all(spec.help or spec.name in ("kind", "type") for spec in specs(component))


def test_values_are_written_as_people_write_them() -> None:
    assert [written(value) for value in (None, True, 0.001, (1.0, 2.5), "a", 3)] == [
        "",
        "yes",
        "0.001",
        "1, 2.5",
        "a",
        "3",
    ]


def test_rates() -> None:
    assert read_rate("3e-4") == SetLearningRate(value=3e-4)
    assert read_rate("x2") == SetLearningRate(factor=2)
    assert read_rate("/4") == SetLearningRate(factor=0.25)
    for text in ("", "0", "-1", "inf", "x", "x-1", "x1e-400", "/1e400", "1_0e"):
        with pytest.raises(ValueError):
            read_rate(text)


def test_clips() -> None:
    assert read_clip("0") == read_clip("off") == SetClip(value=0)
    assert read_clip("1.5") == SetClip(value=1.5)
    for text in ("", "-1", "nan", "a lot"):
        with pytest.raises(ValueError):
            read_clip(text)


def test_epochs() -> None:
    assert read_epochs("30") == SetEpochs(value=30)
    assert read_epochs("+5") == SetEpochs(add=5)
    assert read_epochs("-5") == SetEpochs(add=-5)
    for text in ("", "0", "+0", "1.5", "9" * 40, "--1"):
        with pytest.raises(ValueError):
            read_epochs(text)


def test_what_a_schedule_watches() -> None:
    state = RunState()
    state.column("val_accuracy").extend([10, 20], [0.5, 0.75])
    state.column("mean_train_loss").extend([10], [1.5])
    assert watched_by(state, "val_error") == [(10, 0.5), (20, 0.25)]
    assert watched_by(state, "train_loss") == [(10, 1.5)]
    assert watched_by(state, "val_loss") == []


def test_finding_prefers_beginnings() -> None:
    names = ["learning rate", "rate x2", "operate", "re-order a thing"]
    assert ranked("rate", names, lambda name: (name,))[0] == "rate x2"
    assert ranked("", names, lambda name: (name,)) == names
    assert ranked("zzz", names, lambda name: (name,)) == []
    assert score("rt", "rate") > 0
