"""The ranges of steps and of values that a remark shows."""

from __future__ import annotations

from typing import Any

import pytest

from tui_trainer.config.preset import build
from tui_trainer.errors import UserError


def _remark(x: Any, **more: Any) -> dict[str, Any]:
    return {"lesson": {"rows": ["S18"], "shows": "a", "remarks": [{"at": "start", "text": "b", "x": x, **more}]}}


def test_a_range_of_steps_is_kept() -> None:
    lesson = build(_remark([0, 20]), name="mine", source="mine.toml").first.lesson
    assert lesson is not None
    assert lesson.remarks[0].x == (0, 20)


@pytest.mark.parametrize("x", [[20, 0], [-1, 5], [3, 3], [1], [1, 2, 3], "all"])
def test_a_range_that_is_none_is_refused_with_its_key_path(x: Any) -> None:
    with pytest.raises(UserError, match=r"mine\.toml: lesson\.remarks\.0"):
        build(_remark(x), name="mine", source="mine.toml")


def test_a_range_of_values_is_kept_for_one_chart() -> None:
    lesson = build(_remark([0, 20], show="loss", y=[0.1, 230]), name="mine", source="mine.toml").first.lesson
    assert lesson is not None
    assert lesson.remarks[0].y == (0.1, 230)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"show": "loss", "y": [2, 1]}, "the first smaller than the last"),
        ({"show": "loss", "y": [0, float("inf")]}, "the first smaller than the last"),
        ({"show": "all", "y": [0, 1]}, "needs the chart that it is for"),
        ({"y": [0, 1]}, "needs the chart that it is for"),
    ],
)
def test_a_range_of_values_without_order_or_chart_is_refused(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=rf"mine\.toml: lesson\.remarks\.0.*{reason}"):
        build(_remark([0, 20], **more), name="mine", source="mine.toml")
