"""The page of `export --to html`: what it holds, what no text in it can do, and what a browser shows."""

from __future__ import annotations

import html.parser
import math
import random
import re
import xml.etree.ElementTree as ET
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Page, browser, needs_browser
from tests.runs.exporting.sample_runs import LOSSES, SPOKEN, steered, write_run
from tui_trainer.protocol import events as ev
from tui_trainer.runs.exporting.chart_groups import chart_of, charts_of
from tui_trainer.runs.exporting.curves import StepCurve, buckets
from tui_trainer.runs.exporting.exported_run import Done, ExportedRun
from tui_trainer.runs.exporting.page.run_page import run_page
from tui_trainer.runs.exporting.svg_chart import stacked, ticks

HOSTILE = '</script><img src=x onerror="window.hurt=1"><!--\'\x1b]0;x\x07&lt;'

BOX = "(({x, y, width}) => [x, y, width])(document.querySelector('.plot').getBoundingClientRect())"
"""Left edge, upper edge and width of the first chart."""


def long_run(steps: int) -> ExportedRun:
    source = random.Random(1)
    numbers = array("q", range(1, steps + 1))
    curves = {
        "train_loss": array("d", [math.exp(-step / steps) + source.random() / 10 for step in numbers]),
        "lr": array("d", [0.1 * (1 - step / steps) for step in numbers]),
        "grad_norm": array("d", [source.random() for _ in numbers]),
    }
    seconds = StepCurve(numbers, array("d", [step / 1000 for step in numbers]))
    return ExportedRun(
        name="long",
        curves={name: StepCurve(numbers, values) for name, values in curves.items()},
        seconds=seconds,
        steps=numbers,
        steps_per_epoch=1000,
        done=[Done(step=steps // 2, what="rate halved", letter="l")],
    )


def hostile_run() -> ExportedRun:
    steps = array("q", [1, 2, 3])
    values = array("d", [1.0, math.nan, 0.5])
    finding = ev.Diagnosed(finding="NAN", severity="alarm", active=True, evidence=HOSTILE, likely_cause=HOSTILE)
    return ExportedRun(
        name=HOSTILE,
        title=HOSTILE,
        summary=HOSTILE,
        curves={HOSTILE: StepCurve(steps, values), f"train_{HOSTILE}": StepCurve(steps, values)},
        steps=steps,
        done=[Done(step=2, what=HOSTILE, letter=HOSTILE, because=HOSTILE, by=HOSTILE)],
        facts={HOSTILE: HOSTILE},
        settings={HOSTILE: HOSTILE},
        findings=[finding],
        lesson={"rows": [HOSTILE], "says": HOSTILE, "truth": HOSTILE, "remarks": [{"at": HOSTILE, "text": HOSTILE}]},
    )


class Tags(html.parser.HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.size(1000, 1400)
        yield opened


def cells(page: Page, chart: int, row: int = 0) -> list[str]:
    """The values at the cursor: steps, median, minimum, maximum, number of steps."""
    table = f"document.querySelectorAll('figure.chart-box')[{chart}].querySelector('tbody').rows[{row}]"
    return page.run(f"Array.from({table}.cells, cell => cell.textContent).slice(1)")


def test_a_page_of_a_million_steps_is_smaller_than_a_megabyte():
    text = run_page([long_run(1_000_000)])
    assert 50_000 < len(text.encode()) < 1_000_000
    assert "rate halved" in text


def test_a_page_names_nothing_outside_itself():
    text = run_page([long_run(100), hostile_run()])
    assert set(re.findall(r"(?:https?|wss?|ftp)://[^\s\"']*", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(?:link|iframe|img|object|embed|form)\b", text)
    assert "default-src 'none'" in text


def test_no_text_becomes_an_element_an_attribute_or_a_control_character():
    hostile, plain = run_page([hostile_run()]), run_page([long_run(50)])
    assert Tags(hostile).tags - Tags(plain).tags <= {"ul", "code", "details", "summary"}
    assert "onerror" not in Tags(hostile).attributes
    assert "img" not in Tags(hostile).tags
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", hostile)
    ET.fromstring(stacked(charts_of([hostile_run()])[0]))


def test_a_page_says_what_was_done_found_and_set(tmp_path):
    run = write_run(tmp_path / "r", steered())
    run.settings = {"optimizer.lr": 0.1}
    other = write_run(tmp_path / "s", steered()[:2])
    other.settings = {"optimizer.lr": 0.2}
    text = run_page([run, other])
    assert "because: too &quot;noisy&quot; &lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert SPOKEN not in text
    before = sum(loss for step, loss in enumerate(LOSSES[:20], 1) if step != 7) / 19
    assert f"loss {before:.4g} before, {sum(LOSSES[20:]) / 20:.4g} after" in text
    assert '<tr><th scope="row">optimizer.lr</th><td>0.1</td><td>0.2</td></tr>' in text


def test_curves_share_a_chart_by_what_they_measure():
    names = ["train_loss", "val/loss", "loss/eval", "lr", "class/7/recall", "grad_norm/layer1", "train/grad", "a_b"]
    assert [chart_of(name) for name in names] == ["loss", "loss", "loss", "lr", "class", "grad_norm", "grad", "a_b"]


def test_ticks_are_round_numbers_within_the_range():
    for low, high in ((0, 1), (-3.7e-6, 2.2e-5), (1e9, 1e9 + 7), (0.1, 0.1000001)):
        found = ticks(low, high, 6)
        assert 2 <= len(found) <= 8
        assert all(low - (high - low) * 1e-6 <= tick <= high + (high - low) * 1e-6 for tick in found)


@needs_browser
def test_the_cursor_reads_minimum_median_maximum_and_number_of_steps(page: Page, tmp_path: Path):
    run = long_run(5000)
    (tmp_path / "page.html").write_text(run_page([run]))
    page.open(f"file://{tmp_path}/page.html")
    found = buckets(run.curves["train_loss"], 1, 5000, 900)
    assert max(bucket.count for bucket in found) == 6
    page.run("document.querySelector('figure.chart-box').focus()")
    page.key("Home")
    for index in (0, 1, 2, 12, 11):
        bucket = found[index]
        shown = cells(page, 0)
        assert shown[0] == f"{bucket.first:,} to {bucket.last:,}"
        assert [float(cell) for cell in shown[1:4]] == pytest.approx([bucket.middle, bucket.low, bucket.high], rel=1e-5)
        assert shown[4] == str(bucket.count)
        assert f"step {bucket.first}: train_loss" in page.run("document.querySelector('output').textContent")
        if index < 2:
            page.key("ArrowRight")
        else:
            page.key("ArrowRight" if index == 2 else "ArrowLeft", shift=index == 2)
    box = page.run(
        "(({x, y, width, height}) => [x, y, width, height])(document.querySelector('.plot').getBoundingClientRect())"
    )
    where = lambda step: box[0] + box[2] * (64 + (step - 1) / 4999 * (860 - 100)) / 860  # noqa: E731
    page.mouse("mouseMoved", where(2500), box[1] + 100)
    middle = next(bucket for bucket in found if bucket.first <= 2500 <= bucket.last)
    first = int(cells(page, 0)[0].split(" ")[0].replace(",", ""))
    assert abs(first - middle.first) <= 12
    assert cells(page, 1)[0] == cells(page, 0)[0]
    assert page.console == []


@needs_browser
def test_zoom_by_key_and_mouse_is_shared_and_undone(page: Page, tmp_path: Path):
    (tmp_path / "page.html").write_text(run_page([long_run(5000)]))
    page.open(f"file://{tmp_path}/page.html")
    labels = (
        "Array.from(document.querySelectorAll('figure.chart-box')[1].querySelectorAll('svg text'), t => t.textContent)"
    )
    whole = page.run(labels)
    assert "4,000" in whole
    page.run("document.querySelector('figure.chart-box').focus()")
    page.key("Home")
    page.key("+")
    page.key("+")
    assert "4,000" not in page.run(labels)
    page.key("0")
    assert page.run(labels) == whole
    left, top, width = page.run(BOX)
    page.mouse("mousePressed", left + width * 0.4, top + 100)
    page.mouse("mouseMoved", left + width * 0.5, top + 100)
    page.mouse("mouseReleased", left + width * 0.6, top + 100)
    assert {"2,000", "3,000"} & set(page.run(labels))
    assert "4,000" not in page.run(labels)
    page.key("Escape")
    assert page.run(labels) == whole
    page.key("l")
    assert page.run("document.querySelector('[data-do=log]').getAttribute('aria-pressed')") == "true"
    assert page.console == []


@needs_browser
def test_hostile_text_is_shown_and_runs_nothing(page: Page, tmp_path: Path):
    (tmp_path / "page.html").write_text(run_page([hostile_run()]))
    page.open(f"file://{tmp_path}/page.html")
    assert page.run("document.documentElement.dataset.ready") == "yes"
    assert page.run("[window.hurt === undefined, document.images.length, document.scripts.length]") == [True, 0, 2]
    assert "onerror" in page.run("document.querySelector('h1').textContent")
    assert page.console == []


@needs_browser
def test_the_page_follows_the_colours_of_the_system(page: Page, tmp_path: Path):
    (tmp_path / "page.html").write_text(run_page([long_run(500)]))
    page.open(f"file://{tmp_path}/page.html")
    pictures, colors = [], []
    for dark in (False, True):
        page.dark(dark)
        colors.append(page.run("getComputedStyle(document.body).backgroundColor"))
        pictures.append(page.picture(tmp_path / "page.png"))
    assert colors == ["rgb(255, 255, 255)", "rgb(20, 24, 29)"]
    assert pictures[0] != pictures[1]
    page.dark(False)
