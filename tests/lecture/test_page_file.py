"""A page that keeps the rows that were not checked again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_trainer.errors import UserError
from tui_trainer.lecture.claims import Measured, above, collect
from tui_trainer.lecture.page_file import merged, with_picture
from tui_trainer.lecture.report import as_page

PAGE = Path(__file__).parents[2] / "docs" / "lecture.md"


def _page(row: str, value: float, seeds: tuple[int, ...] = (0, 1)) -> str:
    verdicts = collect(row, [[Measured(f"a claim | of {row}", value, above(1))] for _ in seeds])
    return as_page(verdicts, {row: ["sampling"]}, {}, list(seeds), "torch", {})


def test_a_checked_row_takes_its_place_and_others_stay() -> None:
    page = merged(_page("S17", 2.0), _page("S02", 0.5), "page")
    assert page.index("### S02.") < page.index("### S17.")
    assert page.index("## Design choices") < page.index("### S02.") < page.index("## Algorithms")
    assert "1 of 2 claims of 2 rows hold." in page
    assert "Kinds of claims: 2 are measured" in page
    again = merged(page, _page("S02", 3.0), "page")
    assert "2 of 2 claims of 2 rows hold." in again
    assert again.count("### S02.") == 1
    assert "| 0.5" not in again


def test_the_committed_page_is_what_merging_it_with_itself_gives() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert merged(text, text, "page") == text


def test_a_page_with_other_seeds_is_refused_and_another_text_is_replaced() -> None:
    with pytest.raises(UserError, match="page: this page has the seeds 0, 1, and these rows have 0, 1, 2"):
        merged(_page("S17", 2.0), _page("S02", 2.0, (0, 1, 2)), "page")
    assert merged("another text", _page("S17", 2.0), "page") == _page("S17", 2.0)


def test_a_picture_is_shown_once_under_the_claims_of_its_row() -> None:
    page = merged(_page("S17", 2.0), _page("S02", 2.0), "page")
    shown = with_picture(page, "S02", "lecture/S02.svg")
    line = "![The screen of S02](lecture/S02.svg)"
    assert shown.replace(f"\n\n{line}", "") == page
    assert shown.index("| a claim") < shown.index(line) < shown.index("## Algorithms")
    assert with_picture(shown, "S02", "lecture/S02.svg") == shown
    assert merged(shown, _page("S17", 3.0), "page").count(line) == 1
    assert with_picture(page, "S17", "p").endswith("\n\n![The screen of S17](p)\n")


def test_the_committed_page_shows_every_picture_of_its_folder() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [path.stem for path in PAGE.with_suffix("").glob("*.svg")]
    assert [row for row in rows if with_picture(text, row, f"lecture/{row}.svg") != text] == []
    assert text.count("![The screen of ") == len(rows)
