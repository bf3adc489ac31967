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
TEXT_CONTRAST = 4.6
"""Least contrast of a role in which text is written, a little above the 4.5 of WCAG for the rounding to 256 colours."""

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
    "frame": "default", "text": "default", "title": "default", "message": "default",
    "train": "cyan", "smooth": "cyan", "validation": "yellow", "best": "yellow",
    "rate": "green", "planned": "green", "preview": "magenta",
    "norm": "magenta", "norm-smooth": "magenta", "clip": "red",
    "speed": "default", "speed-smooth": "default",
    "mark": "default", "mark-line": "yellow", "cursor": "default", "reference": "default", "gap": "default",
    "run1": "cyan", "run2": "yellow", "run3": "green", "run4": "magenta",
    "run5": "default", "run6": "red", "run7": "blue", "run8": "default",
    "run1-dim": "cyan", "run2-dim": "yellow", "run3-dim": "green", "run4-dim": "magenta",
    "run5-dim": "default", "run6-dim": "red", "run7-dim": "blue", "run8-dim": "default",
    "layer1": "blue", "layer2": "magenta", "layer3": "red",
    "layer4": "cyan", "layer5": "green", "layer6": "yellow",
}  # fmt: skip
"""Neither bright colours, most of which are greys in Solarized, nor colours for text."""
_SIXTEEN_LIGHT: dict[Role, str] = {
    "train": "blue", "smooth": "blue", "validation": "red", "best": "magenta", "mark-line": "magenta",
    "run1": "blue", "run2": "red", "run6": "cyan", "run7": "default",
    "run1-dim": "blue", "run2-dim": "red", "run6-dim": "cyan", "run7-dim": "default",
}  # fmt: skip
_FAINT: frozenset[Role] = frozenset(
    ("frame", "text", "train", "planned", "norm", "speed", "mark-line", "reference", *DIM_RUNS)
)
_BEHIND: frozenset[Role] = _FAINT - {"frame", "text", "reference"}


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
        return Palette(tuple(Style(color=names[role], bold=role in _BOLD, dim=role in _BEHIND) for role in ROLES))
    ground = background or ("#11131a" if dark else "#fbfbfc")
    colors = _DARK if dark else _LIGHT
    least = {role: CONTRAST if role in _FAINT and role != "text" else TEXT_CONTRAST for role in ROLES}
    return Palette(tuple(Style(color=legible(colors[role], ground, least[role]), bold=role in _BOLD) for role in ROLES))


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
