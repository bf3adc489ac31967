"""Handouts of the lecture: formulas as MathML, pictures as SVG, claims with values, in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from array import array
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.browser import browser, needs_browser
from tests.docs.pages import ROOT
from tui_trainer.cli.main import cli
from tui_trainer.config.preset import load, preset_names
from tui_trainer.config.teaching.course import bundled_course
from tui_trainer.lecture.claims import Verdict, above, exactly
from tui_trainer.lecture.handout.close_ups import close_ups
from tui_trainer.lecture.handout.drawings import picture_svg
from tui_trainer.lecture.handout.material import RowMaterial, ShownPreset, material_of
from tui_trainer.lecture.handout.mathml import as_html
from tui_trainer.lecture.handout.pages import handout
from tui_trainer.lecture.outline import ROWS
from tui_trainer.protocol.pictures import (
    Axis,
    Bars,
    Contour,
    Counts,
    Group,
    Heat,
    Histogram,
    Line,
    Lines,
    Points,
    Rule,
    Spots,
    taken,
)
from tui_trainer.runs.exporting.curves import StepCurve
from tui_trainer.runs.exporting.exported_run import ExportedRun

HOSTILE = "<img src=x onerror=alert(1)>"


def math(formula: str) -> str:
    """The formula without what only marks it."""
    return re.sub(r' display="inline"| class="in"', "", as_html(formula))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("the rate 1/L", "the rate <math><mfrac><mn>1</mn><mi>L</mi></mfrac></math>"),
        ("p_k^2", "<math><msup><msub><mi>p</mi><mi>k</mi></msub><mn>2</mn></msup></math>"),
        ("sqrt(s)", "<math><msqrt><mi>s</mi></msqrt></math>"),
        (
            "t > 2/(L + mu)",
            "<math><mrow><mi>t</mi><mo>&gt;</mo><mfrac><mn>2</mn>"
            "<mrow><mi>L</mi><mo>+</mo><mi>μ</mi></mrow></mfrac></mrow></math>",
        ),
        (
            "tr(H)/B",
            "<math><mfrac><mrow><mi>tr</mi><mrow><mo>(</mo><mi>H</mi><mo>)</mo></mrow></mrow><mi>B</mi></mfrac></math>",
        ),
        ("|J| = m", "<math><mrow><mrow><mo>|</mo><mi>J</mi><mo>|</mo></mrow><mo>=</mo><mi>m</mi></mrow></math>"),
        (
            "-t ln p / sum of t",
            '<math><mrow><mo>−</mo><mi>t</mi><mo form="prefix" lspace="0.17em" rspace="0.17em">ln</mo><mi>p</mi></mrow>'
            "</math> / sum of <math><mi>t</mi></math>",
        ),
        ("as in torch's book (Saxe et al. 2014), a mean", "as in torch&#x27;s book (Saxe et al. 2014), a mean"),
        (HOSTILE, None),
    ],
)  # fmt: skip
def test_a_formula_between_words_becomes_mathml(formula: str, expected: str | None) -> None:
    if expected is not None:
        assert math(formula) == expected
    assert "<img" not in as_html(formula)


def test_every_formula_of_the_lecture_is_sound_and_loses_no_word() -> None:
    formulas = [lesson.formula for name in preset_names() if (lesson := load(name).first.lesson) is not None]
    assert sum("<math" in as_html(formula) for formula in formulas) > 25
    for formula in formulas:
        root = ET.fromstring(f"<p>{as_html(formula)}</p>")
        shown = "".join(root.itertext())
        for word in re.findall(r"[A-Za-z]{4,}", formula):
            assert word in shown or word in ("sqrt", "grad", "alpha", "beta", "kappa", "sigma"), (word, shown)


def test_every_kind_of_picture_is_drawn_with_its_numbers() -> None:
    line = Line(name=HOSTILE, x=(0.0, 1.0, 2.0), y=(1.0, 10.0, 100000.0))
    spots = Spots(name="data", x=(0.5, 1.5), y=(1.0, 2.0))
    plane = {"x": Axis(label="x1", low=0, high=2), "y": Axis(low=0, high=3)}
    drawings = [
        Lines(lines=(line,), spots=(spots,), levels=(Rule(at=5, text="level"),), y=Axis(log=True)),
        Points(spots=(spots,), diagonal=True),
        Bars(labels=("a", "b"), groups=(Group(name="g", values=(1.0, None)), Group(name="h", values=(-2.0, 3.0)))),
        Histogram(groups=(Counts(name="c", low=0, high=1, counts=(1, 3)),)),
        Heat(columns=("p", "q"), rows=("r",), values=((0.25, None),)),
        Contour(values=((0.0, 1.0), (1.0, 2.0)), paths=(line,), spots=(spots,), **plane),
        Contour(values=((0.0, 1.0), (1.0, 0.0)), regions=("left", "right"), **plane),
    ]
    for drawing in drawings:
        svg = picture_svg(taken("picture", drawing, {}, epoch=3), "run")
        root = ET.fromstring(svg)
        assert "epoch 3" in "".join(root.itertext())
        assert "<img" not in svg
        assert not re.search(r"\bnan\b|\binf\b", svg)
    bars = ET.fromstring(picture_svg(taken("p", drawings[2], {})))
    rects = {each.findtext("title"): float(each.get("height", "0")) for each in bars.iter("rect")}
    assert rects["b: 3"] == pytest.approx(3 * rects["a: 1"], abs=0.2)
    assert picture_svg(taken("p", drawings[0], {}).model_copy(update={"data": {"lines": 3}})) == ""


def test_claims_say_their_values_and_a_mean_of_one_seed_fails_nothing() -> None:
    links = [{"title": "A paper", "url": "https://example.org/x"}, {"title": "bad", "url": "javascript:alert(1)"}]
    questions = [{"text": "How low?", "choices": ["a", "b"]}]
    preset = ShownPreset("lr-high", "High", {"says": HOSTILE, "questions": questions, "links": links})
    verdicts = [
        Verdict("S39", "one claim", (0.25,), above(0.5), "mean"),
        Verdict("S39", "another", (2.0,), exactly(2.0), "each"),
        Verdict("S39", "a third", (2.0,), exactly(3.0), "each"),
    ]
    page = handout([RowMaterial("S39", "diagnosis", "A title", [preset], verdicts)], [0], title="A title")
    text = re.sub(r"<[^>]*>", "|", page)
    assert re.search(r"one claim\|+0\.25\|+mean ≥ 0\.5\|+measured\|+of the mean over seeds", text)
    assert re.search(r"another\|+2\|+= 2\|+measured\|+holds", text)
    assert re.search(r"a third\|+2\|+= 3\|+measured\|+fails", text)
    assert "Predict: How low?" in text
    assert 'href="https://example.org/x"' in page
    assert "javascript" not in page
    assert "<img" not in page
    assert "<script" not in page


def test_the_question_comes_before_what_the_runs_show_and_equal_pictures_once() -> None:
    drawing = Lines(lines=(Line(name="a line", x=(0.0, 1.0), y=(0.0, 1.0)),), title="a picture")
    other = Lines(lines=(Line(name="a line", x=(0.0, 1.0), y=(1.0, 0.0)),), title="another")
    runs = [ExportedRun(name, steps=array("q", [1, 2]), steps_per_epoch=1) for name in ("one", "two")]
    for run in runs:
        for name, steps in (("val_loss", (1, 2)), ("test_loss", (2,))):
            run.curves[name] = StepCurve()
            for step in steps:
                run.curves[name].put(step, 1.0 / step)
        run.pictures = [taken("p", drawing, {})]
    runs[1].pictures.append(taken("q", other, {}))
    lesson = {"shows": "The result.", "minutes": 7, "before": ["S01"], "questions": [{"text": "How low?"}]}
    preset = ShownPreset("lr-high", "High", lesson, runs=runs)
    page = handout([RowMaterial("S39", "diagnosis", "A title", [preset])], [0], title="A title")
    assert page.index("How low?") < page.index("What the runs show") < page.index("The result.")
    assert "7 minutes; know before: S01." in page
    assert page.count('class="title" x="6" y="15">a picture') == 1
    assert 'y="15">another · two' in page
    assert "val_loss" in page
    assert "test_loss" not in page


def test_the_ranges_of_the_remarks_are_charts_of_their_own() -> None:
    low, blown = (ExportedRun(name, steps=array("q", range(1, 101)), steps_per_epoch=10) for name in ("low", "blown"))
    for run, growth in ((low, 0.99), (blown, 2.0)):
        run.curves = {"train_loss": StepCurve(), "lr": StepCurve()}
        for step in range(1, 101):
            run.curves["train_loss"].put(step, growth**step)
            run.curves["lr"].put(step, 0.1)
    remarks = [
        {"show": "loss", "y": [0.1, 230.0]},
        {"show": "loss", "x": [0, 5]},
        {"show": "loss", "y": [0.1, 230.0]},
        {"show": "loss"},
        {"show": "contour", "x": [0, 5]},
    ]
    capped, first = close_ups([low, blown], {"remarks": remarks}, 160)
    assert (capped.title, first.title) == ("loss, from 0.1 to 230", "loss, steps 0 to 5")
    assert capped.values == (pytest.approx(0.99**100), 128.0)
    assert [curve.buckets[-1].last for curve in capped.curves] == [100, 7]
    assert first.last == 5
    assert [curve.buckets[-1].high for curve in first.curves] == [pytest.approx(0.99**5), 32.0]
    page = handout(
        [RowMaterial("S37", "d", "t", [ShownPreset("p", "t", {"remarks": remarks}, runs=[low, blown])])], [0], title="t"
    )
    assert page.index("loss, from 0.1 to 230</text>") < page.index("loss</text>")


def test_the_book_has_every_row_with_its_texts() -> None:
    course = bundled_course()
    page = handout([material_of(row, course) for row in ROWS], [0], title="The lecture", credit=course.byline)
    assert re.findall(r'<article id="([SX]\d\d)">', page) == list(ROWS)
    assert all(f'href="#{row}"' in page for row in ROWS)
    assert page.count("<ol>") == len(ROWS)
    assert "Prof. Ju Sun" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--handout", "x.html"], "--all for the book"),
        (["S39", "--all", "--handout", "x.html"], "--all for the book"),
        (["S99", "--handout", "x.html"], "no row 'S99'"),
        (["--all"], "--all and --run need --handout FILE"),
        (["S39", "--handout", "nowhere/x.html"], "does not exist"),
    ],
)
def test_what_cannot_be_handed_out_is_refused(arguments: list[str], message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["lecture", *arguments])
    assert message in (done.output + str(done.exception))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
@needs_browser
def test_a_row_is_trained_and_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["lecture", "S28", "--handout", "s28.html"])
    assert done.exit_code == 0, done.output
    with browser(tmp_path / "profile") as page:
        page.open(f"file://{tmp_path}/s28.html")
        assert page.run("document.querySelectorAll('math').length") >= 3
        assert page.run("document.querySelectorAll('.pictures svg').length") >= 3
        assert page.run(
            "Array.from(document.querySelectorAll('math'), e => e.getBoundingClientRect().width).every(w => w > 5)"
        )
        assert "fails" not in page.run("document.querySelector('article').innerText")
        assert page.console == []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tui_trainer", "run", "zigzag", "--headless", "--name", "z", "--runs-dir", "runs"]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    done = CliRunner().invoke(cli, ["lecture", "S28", "--handout", "again.html", "--run", "z", "--runs-dir", "runs"])
    assert done.exit_code == 0, done.output
    assert "Claims, measured" not in Path("again.html").read_text()
    assert Path("again.html").read_text().count("<svg") >= 3
