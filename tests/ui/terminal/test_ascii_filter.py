"""Signs in ASCII: as wide as before, with their meaning kept, and the letters of users left alone."""

from __future__ import annotations

import pytest

from tui_trainer.text import cell_width
from tui_trainer.ui.icons import FANCY
from tui_trainer.ui.terminal.ascii_filter import in_ascii


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("lr 0.1 → 0.01", "lr 0.1 ->0.01"),
        ("      → l", "      > l"),
        ("≥ 0, ≤ 1", ">=0, <=1"),
        ("rate ÷2 · rate ×2", "rate /2 - rate x2"),
        ("‹ auto › ▸ cut…", "< auto > > cut~"),
        ("╭─┐│╰┘", "+-+|++"),
        ("Größe 漢字 é", "Größe 漢字 é"),
        ("0.9713 ± 0.0042", "0.9713 +-0.0042"),
        ("plain", "plain"),
    ],
)
def test_signs_have_a_plain_form(text: str, plain: str) -> None:
    assert in_ascii(text) == plain
    assert cell_width(plain) == cell_width(text)


def test_every_symbol_of_the_screen_has_one() -> None:
    signs = [FANCY.full, FANCY.half, FANCY.rest, FANCY.dot, *FANCY.spinner, FANCY.running, FANCY.paused, FANCY.pointer]
    signs += [FANCY.state(status) for status in ("stopping", "finished", "failed", "starting")]
    assert all(in_ascii(sign).isascii() for sign in signs)
