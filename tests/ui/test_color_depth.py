"""Colours follow what the terminal can do, and text is readable in all of them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem

from tui_trainer.ui.charts.colors import contrast
from tui_trainer.ui.charts.palette import TEXT_CONTRAST, Ground, palette
from tui_trainer.ui.color_depth import ColorDepth, color_depth
from tui_trainer.ui.themes import ANSI_DARK, ANSI_LIGHT, DARK, LIGHT

TRUE = {"COLORTERM": "truecolor"}


@pytest.mark.parametrize(
    ("environ", "depth"),
    [
        ({"TERM": "xterm", **TRUE}, "full"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "screen-256color", **TRUE}, "256"),
        ({"TERM": "screen.xterm-256color", **TRUE}, "256"),
        ({"TERM": "screen", **TRUE}, "16"),
        ({"TERM": "xterm-256color", "STY": "1.pts", **TRUE}, "256"),
        ({"TERM": "screen-256color", "TMUX": "/tmp/x", **TRUE}, "full"),
        ({"TERM": "xterm-direct"}, "full"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "no-such-terminal"}, "16"),
        ({"TERM": "../etc/passwd"}, "16"),
        ({}, "16"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": "", **TRUE}, "full"),
    ],
)
def test_the_depth_is_that_of_the_terminal(environ: dict[str, str], depth: ColorDepth) -> None:
    assert color_depth(environ) == depth


@pytest.mark.parametrize(("magic", "size"), [(0o432, "h"), (0o1036, "i")])
@pytest.mark.parametrize(("colors", "depth"), [(8, "16"), (256, "256")])
def test_the_terminfo_entry_counts(tmp_path: Path, magic: int, size: str, colors: int, depth: ColorDepth) -> None:
    names = b"mine|a terminal\0"
    entry = (
        struct.pack("<6h", magic, len(names), 1, 14, 0, 0)
        + names
        + b"\1\0"
        + struct.pack(f"<14{size}", *range(13), colors)
    )
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine").write_bytes(entry)
    assert color_depth({"TERM": "mine", "TERMINFO": str(tmp_path)}) == depth


def rounded(color: str, depth: str) -> str:
    parsed = Color.parse(color)
    return (parsed.downgrade(ColorSystem.EIGHT_BIT) if depth == "256" else parsed).get_truecolor().hex


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("depth", ["256", "full"])
def test_text_has_contrast_on_every_background(theme, depth: str) -> None:
    names = ("primary", "secondary", "accent", "warning", "error", "success", "foreground")
    texts = {name: getattr(theme, name) for name in names} | {"muted": theme.variables["muted"]}
    cursor = theme.variables["block-cursor-background"]
    for ground in (theme.background, theme.surface, theme.panel, cursor):
        for name, color in texts.items():
            assert contrast(rounded(color, depth), rounded(ground, depth)) >= 4.5, (name, ground)
    for ground in (theme.background, theme.surface, theme.panel):
        for role in ("text", "title", "message", "mark", "gap", "best"):
            color = palette(theme.dark, Ground(ground), "256" if depth == "256" else "full").style(role).color
            assert color is not None
            assert contrast(color.get_truecolor().hex, rounded(ground, depth)) >= TEXT_CONTRAST, (role, ground)


@pytest.mark.parametrize("theme", [ANSI_DARK, ANSI_LIGHT], ids=lambda theme: theme.name)
def test_text_in_sixteen_colors_is_that_of_the_terminal(theme) -> None:
    for name in ("primary", "secondary", "accent", "warning", "error", "success", "foreground", "background", "panel"):
        assert getattr(theme, name) == "ansi_default"
    assert theme.variables["muted"] == theme.variables["border"] == "ansi_default"
    for style in palette(theme.dark, depth="16").styles:
        assert style.color is not None
        assert not style.color.name.startswith("bright_")
