"""The styles of chart roles: in full colour on dark and light, in sixteen colours, and without colours.

The hues are those of Okabe and Ito (2008), distinguishable with any colour vision; different meanings also differ in
brightness or shape. Colours are moved towards white or black until they reach `CONTRAST` on the background of the
theme.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from rich.color import Color
from rich.style import Style

Depth = Literal["full", "16", "none"]
"""The colour depth: 24 bits, the sixteen colours of the terminal, or none."""

Role = Literal[
    "frame", "text", "title", "message",
    "train", "smooth", "validation", "best", "rate", "planned", "preview",
    "norm", "norm-smooth", "clip", "speed", "speed-smooth",
    "mark", "mark-line", "cursor", "reference", "gap",
    "run1", "run2", "run3", "run4", "run5", "run6", "run7", "run8",
    "run1-dim", "run2-dim", "run3-dim", "run4-dim", "run5-dim", "run6-dim", "run7-dim", "run8-dim",
    "layer1", "layer2", "layer3", "layer4", "layer5", "layer6",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)
RUNS: tuple[Role, ...] = ("run1", "run2", "run3", "run4", "run5", "run6", "run7", "run8")
DIM_RUNS: tuple[Role, ...] = (
    "run1-dim", "run2-dim", "run3-dim", "run4-dim", "run5-dim", "run6-dim", "run7-dim", "run8-dim",
)  # fmt: skip
LAYERS: tuple[Role, ...] = ("layer1", "layer2", "layer3", "layer4", "layer5", "layer6")

CONTRAST = 3.0
"""Least contrast to the background (WCAG 2.2) of everything drawn."""

_BOLD: frozenset[Role] = frozenset(("title", "best", "gap", "mark"))

_DARK: dict[Role, str] = {
    "frame": "#626a73", "text": "#9aa4ad", "title": "#e8ecef", "message": "#9aa4ad",
    "train": "#2f6f9c", "smooth": "#56b4e9", "validation": "#f0a81c", "best": "#f0e442",
    "rate": "#2bc79a", "planned": "#1f8f70", "preview": "#e08fbd",
    "norm": "#8a5b78", "norm-smooth": "#d992b9", "clip": "#ff8a3d",
    "speed": "#5d7a8c", "speed-smooth": "#a9c7d8",
    "mark": "#e3d65c", "mark-line": "#6f6a45", "cursor": "#ffffff", "reference": "#8a929a", "gap": "#ff6b4a",
    "run1": "#56b4e9", "run2": "#f0a81c", "run3": "#2bc79a", "run4": "#e08fbd",
    "run5": "#f0e442", "run6": "#ff7a45", "run7": "#8c9eff", "run8": "#d7dde2",
    "run1-dim": "#2f6f9c", "run2-dim": "#96701f", "run3-dim": "#1f8065", "run4-dim": "#8f5b78",
    "run5-dim": "#8a8433", "run6-dim": "#a45236", "run7-dim": "#5f6aa8", "run8-dim": "#757c83",
    "layer1": "#6f79e8", "layer2": "#3f98d8", "layer3": "#1fb0b0",
    "layer4": "#3fc77d", "layer5": "#a8d640", "layer6": "#f6e04a",
}  # fmt: skip

_LIGHT: dict[Role, str] = {
    "frame": "#7b838b", "text": "#4d565e", "title": "#14181b", "message": "#4d565e",
    "train": "#5f93b8", "smooth": "#005c92", "validation": "#a85700", "best": "#7d4a00",
    "rate": "#00694c", "planned": "#3c8f76", "preview": "#9c3f74",
    "norm": "#a8789a", "norm-smooth": "#84285e", "clip": "#b83c00",
    "speed": "#7b8c98", "speed-smooth": "#37505f",
    "mark": "#6e6400", "mark-line": "#a39a55", "cursor": "#000000", "reference": "#6f777e", "gap": "#b02400",
    "run1": "#005c92", "run2": "#a85700", "run3": "#00694c", "run4": "#9c3f74",
    "run5": "#6e6400", "run6": "#b83c00", "run7": "#3b46b8", "run8": "#30383d",
    "run1-dim": "#5f93b8", "run2-dim": "#b5813f", "run3-dim": "#4f917d", "run4-dim": "#b1799a",
    "run5-dim": "#8f8845", "run6-dim": "#c1765a", "run7-dim": "#7f86c4", "run8-dim": "#838b91",
    "layer1": "#3a1f78", "layer2": "#2d4596", "layer3": "#1a6a8a",
    "layer4": "#1d7a55", "layer5": "#5a7a10", "layer6": "#8a6400",
}  # fmt: skip

_SIXTEEN: dict[Role, str] = {
    "frame": "bright_black", "text": "default", "title": "default", "message": "default",
    "train": "blue", "smooth": "bright_cyan", "validation": "bright_yellow", "best": "bright_yellow",
    "rate": "bright_green", "planned": "green", "preview": "bright_magenta",
    "norm": "magenta", "norm-smooth": "bright_magenta", "clip": "bright_red",
    "speed": "bright_black", "speed-smooth": "default",
    "mark": "bright_yellow", "mark-line": "yellow", "cursor": "default", "reference": "bright_black",
    "gap": "bright_red",
    "run1": "bright_cyan", "run2": "bright_yellow", "run3": "bright_green", "run4": "bright_magenta",
    "run5": "default", "run6": "bright_red", "run7": "bright_blue", "run8": "default",
    "run1-dim": "cyan", "run2-dim": "yellow", "run3-dim": "green", "run4-dim": "magenta",
    "run5-dim": "bright_black", "run6-dim": "red", "run7-dim": "blue", "run8-dim": "bright_black",
    "layer1": "blue", "layer2": "bright_blue", "layer3": "cyan",
    "layer4": "bright_cyan", "layer5": "bright_green", "layer6": "bright_yellow",
}  # fmt: skip
_SIXTEEN_LIGHT: dict[Role, str] = {
    "smooth": "blue", "train": "bright_blue", "validation": "red", "best": "magenta", "rate": "green",
    "preview": "magenta", "norm": "bright_magenta", "norm-smooth": "magenta", "clip": "red", "gap": "red",
    "mark": "yellow", "planned": "bright_black",
    "run1": "blue", "run2": "red", "run3": "green", "run4": "magenta", "run6": "cyan", "run7": "bright_blue",
}  # fmt: skip
_FAINT: frozenset[Role] = frozenset(
    ("frame", "text", "train", "planned", "norm", "speed", "mark-line", "reference", *DIM_RUNS)
)


@dataclass(frozen=True)
class Palette:
    """A style for every role, in the order of `ROLES`."""

    styles: tuple[Style, ...]

    def style(self, role: Role) -> Style:
        """Return the style of a role."""
        return self.styles[ROLES.index(role)]

    def on(self, base: Style) -> Palette:
        """Return this palette on top of a base style."""
        return Palette(tuple(base + style for style in self.styles))


@cache
def palette(dark: bool = True, background: str = "", depth: Depth = "full") -> Palette:
    """Return the styles of all roles.

    Args:
        dark: whether the theme is dark.
        background: background of the charts as "#rrggbb"; by default a typical one for `dark`.
        depth: the colour depth. Without colours, bold and dim styles show what is in front.
    """
    if depth == "none":
        return Palette(tuple(Style(bold=role in _BOLD, dim=role in _FAINT) for role in ROLES))
    if depth == "16":
        names = _SIXTEEN if dark else {**_SIXTEEN, **_SIXTEEN_LIGHT}
        return Palette(tuple(Style(color=names[role], bold=role in _BOLD) for role in ROLES))
    ground = background or ("#11131a" if dark else "#fbfbfc")
    colors = _DARK if dark else _LIGHT
    return Palette(tuple(Style(color=legible(colors[role], ground), bold=role in _BOLD) for role in ROLES))


def legible(color: str, background: str, least: float = CONTRAST) -> str:
    """Return `color` moved towards white or black until its contrast to `background` is at least `least`."""
    end = 255.0 if _luminance(background) < 0.18 else 0.0
    parts = [float(part) for part in Color.parse(color).get_truecolor()]
    for _ in range(40):
        candidate = "#{:02x}{:02x}{:02x}".format(*(round(part) for part in parts))
        if contrast(candidate, background) >= least:
            return candidate
        parts = [part + (end - part) * 0.08 for part in parts]
    return "#ffffff" if end else "#000000"


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part / 255) for part in Color.parse(color).get_truecolor())
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
