"""The texts of the lessons: each number they quote has a source, and what was wrong once stays corrected."""

from __future__ import annotations

import json
import re

import pytest

from tests.lecture.quoted_numbers import unmeasured
from tui_trainer.config.measured_values import FILE, PARTS, PLACEHOLDER, quoted
from tui_trainer.config.preset import load
from tui_trainer.config.preset_library import preset_files
from tui_trainer.config.toml import read_toml
from tui_trainer.lecture.outline import ROWS
from tui_trainer.paths import presets_dir

RAW = {name: table for name, path in preset_files().items() if "lesson" in (table := read_toml(path))}

DEFINITIONS: dict[str, set[str]] = {
    "act-lab": {"4"},  # a quarter
    "adagrad-dies": {"10"},  # classes
    "backprop": {"17", ".1", "1e-5", "1e-12"},  # weights; sizes of the differences
    "batch-size": {"1,257"},  # training images
    "build": {"27"},  # 3 heads times 9 losses
    "clipping": {".9"},  # 3 times .3
    "coord-scale": {"15", "45", "90"},  # degrees of T
    "deep-act": {"0.01"},  # leaky ReLU's slope
    "early-stop": {"270"},  # test images
    "gd-vs-sgd": {"5", "125", "625"},  # steps of one and of five epochs
    "grad-noise": {"400"},  # batches of the picture
    "head-binary": {"85", "1.2"},  # validation samples, and one of them in per cent
    "hessian-stop": {"27", ".01", "4,000"},  # weights; thresholds; 1e6^2 numbers of 4 bytes
    "init-depth": {"6"},  # of the formula
    "init-grid": {"63", "6", "80", "1.41", "2.4"},  # networks; of the formula; a threshold; sqrt 2, and sqrt 6
    "init-scale": {".18", "2.30"},  # sqrt(2/64), ln 10
    "init-zero": {"2.30"},  # ln 10
    "label-smoothing": {".9"},  # a threshold
    "layer-speed": {"5"},  # chapter
    "memory": {"4", "8"},  # bytes of a number
    "optimizer-race": {"95", "1,257"},  # a threshold; training images
    "overfit-tiny": {"10", "2.30"},  # classes, ln 10
    "perceptron": {"500"},  # points
    "plateau-train": {"270"},  # validation images
    "plateau-val": {"60"},  # epochs of plateau-train
    "rate-range": {"10"},  # of the formula
    "rmsprop": {"1e-8"},  # epsilon
    "robbins-monro": {"20,000", ".0263"},  # steps; .1/3.8
    "sampling": {"63.2", "37", "1,257"},  # 1 - 1/e, 1/e; training images
    "scheduler-zoo": {"40"},  # steps
    "second-order": {"200", "1,600", "4"},  # sizes that are timed; of the formula
    "warm-up": {".01", ".99", "160"},  # of the formula; steps
}
"""Numbers that are settings of another preset, of the data or of mathematics, by preset: nothing to measure."""


@pytest.mark.parametrize("name", RAW)
def test_every_lesson_has_what_a_teacher_needs(name: str) -> None:
    lesson = load(name).first.lesson
    assert lesson is not None
    assert lesson.minutes
    assert lesson.mistakes
    assert lesson.links
    assert lesson.questions
    assert lesson.before or name == "build", "only the first lesson needs nothing before"
    rows = {row for row in lesson.before if re.fullmatch(r"[SX]\d\d", row)}
    assert rows <= ROWS.keys() - {lesson.rows[0]}


@pytest.mark.parametrize("name", RAW)
def test_every_quoted_number_is_measured_or_a_definition(name: str) -> None:
    found = list(unmeasured(RAW[name]))
    allowed = DEFINITIONS.get(name, set())
    assert [(key, number, text) for key, number, text in found if number not in allowed] == []
    assert allowed <= {number for _, number, _ in found}, "a definition that no text quotes"


def test_a_number_without_a_source_is_found() -> None:
    lesson = {"shows": "f = 7.25 after 30 epochs", "truth": "n^{S29:power:.1f}, 30 % in 1998, data.condition=17"}
    table = {"data": {"label_noise": 0.3}, "training": {"epochs": 30}, "lesson": lesson}
    assert [(key, number) for key, number, _ in unmeasured(table)] == [("lesson.shows", "7.25")]


def test_every_placeholder_has_a_committed_value_and_every_value_its_three_parts() -> None:
    values = json.loads((presets_dir() / FILE).read_text(encoding="utf-8"))
    assert all(set(parts) == set(PARTS) for claims in values.values() for parts in claims.values())
    for name, table in RAW.items():
        for key, text in quoted(table):
            for found in PLACEHOLDER.finditer(text):
                claim = found[2].partition(".")[0]
                assert claim in values.get(found[1], {}), f"{name}: {key}: {found[0]}"


def _told(name: str) -> str:
    config = load(name).first
    assert config.lesson is not None
    texts = [text for _, text in quoted(config.model_dump(mode="json", exclude_none=True))]
    return re.sub(r"\s+", " ", "\n".join(texts))


@pytest.mark.parametrize(
    ("name", "told", "never"),
    [
        ("memory", "weights + gradients (as many) + optimizer's state + c B", "weights + optimizer's state"),
        ("adagrad", "outside the root, as Duchi et al. 2011", "(as Duchi et al. 2011 and d2l.ai) has e inside"),
        ("init-grid", "kaiming_uniform_ called with a = sqrt 5", "is none of them"),
        ("zigzag", "leaves the share ((kappa - 1)/(kappa + 1))^2", "reduces f by the factor"),
        ("schedules", "1/t and exponential have lowered the rate from the first epoch on", "All losses vary around"),
        ("robbins-monro", "sufficient, not necessary", "Both conditions are needed"),
        ("robbins-monro", "the product of (1 - t)", "too small to cover the distance"),
        ("lr-low", "(Adam trains them)", "Of 95 runs"),
        ("init-scale", "only they train within ten epochs of SGD", "never will"),
        ("deep-act", "at the first weights)", "tens of thousands of times smaller than the output layer's."),
        ("second-order", "the cube of the number of parameters in theory", "n^2.98"),
        ("too-few-epochs", "The long run used the same rate throughout", "falls steeply"),
        ("early-stop", "no reliable gain", "gains nothing"),
        ("lr-high", "which supports the diagnosis", "confirms the cause"),
        ("lr-very-high", "10 ends within the epoch, 3 within 4", "39 runs"),
        ("gd-vs-sgd", "the floor of SGD rises", "both need few steps"),
        ("optimizer-race", "On these 1,257 images", "Adam is not better than SGD"),
        ("rate-sweep", "is not better than SGD here", "Adam is not better than SGD;"),
        ("act-sign", "random weighted sums of the pixels", "random signs of the pixels"),
    ],
)
def test_a_corrected_text_stays_corrected(name: str, told: str, never: str) -> None:
    text = _told(name)
    assert told in text
    assert never not in text


def test_label_noise_is_explained_by_what_the_preset_is_for() -> None:
    text = (presets_dir() / "early-stop.toml").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("label_noise")]
    assert "overfit" in line
    assert "rate" not in line
