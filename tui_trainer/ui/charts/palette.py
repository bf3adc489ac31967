"""The styles of chart roles: derived from the theme, from the colours of a 16-colour terminal, or without colours.

A colour means one thing: training, validation, the plan, or a run of a set. Curves keep away from the theme's colours
of warnings, errors and success. Their hues are as light as each other, and just light or dark enough to be read on the
background; a second sign (dashes, dots, a letter, a name) says the same without colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple, get_args

from rich.style import Style

from tui_trainer.ui.charts.colors import contrast, distance, hue_of, in_256, is_dark, mixed, oklch, xterm_colors

Depth = Literal["full", "256", "16", "none"]
"""The colour depth: 24 bits, 256 colours, the sixteen colours of the terminal, or none."""

Role = Literal[
    "frame", "text", "title", "message",
    "train", "train-band", "validation", "validation-band", "best", "plan", "preview", "branch",
    "mark", "mark-line", "cursor", "reference", "gap", "shade", "contour",
    "run1", "run2", "run3", "run4", "run5", "run6", "run7", "run8",
    "run1-front", "run2-front", "run3-front", "run4-front", "run5-front", "run6-front", "run7-front", "run8-front",
    "run1-dim", "run2-dim", "run3-dim", "run4-dim", "run5-dim", "run6-dim", "run7-dim", "run8-dim",
    "layer1", "layer2", "layer3", "layer4", "layer5", "layer6",
    "tone1-1", "tone1-2", "tone1-3", "tone1-4", "tone2-1", "tone2-2", "tone2-3", "tone2-4",
    "tone3-1", "tone3-2", "tone3-3", "tone3-4", "tone4-1", "tone4-2", "tone4-3", "tone4-4",
    "tone5-1", "tone5-2", "tone5-3", "tone5-4", "tone6-1", "tone6-2", "tone6-3", "tone6-4",
    "tone7-1", "tone7-2", "tone7-3", "tone7-4", "tone8-1", "tone8-2", "tone8-3", "tone8-4",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)


def _numbered(pattern: str, count: int) -> tuple[Role, ...]:
    names = [pattern.format(index) for index in range(1, count + 1)]
    return tuple(role for role in ROLES if role in names)


HUES = 8
"""Colours of runs, and of classes."""
RUNS, FRONT_RUNS, DIM_RUNS = _numbered("run{}", HUES), _numbered("run{}-front", HUES), _numbered("run{}-dim", HUES)
"""The curves of runs: behind, in front (bold), and the band of raw values behind a smoothed curve."""
BANDS: frozenset[Role] = frozenset(("train-band", "validation-band", *DIM_RUNS))
"""The roles of raw values behind a smoothed curve, and of the deviation around a mean."""
LAYERS = _numbered("layer{}", 6)
"""A ramp from dim to bright."""
TONES: tuple[tuple[Role, ...], ...] = tuple(_numbered(f"tone{hue}-{{}}", 4) for hue in range(1, HUES + 1))
"""Backgrounds of each class, from faint (hardly decided) to full."""

CONTRAST = 3.0
"""Least contrast to the background (WCAG 2.2) of everything drawn."""
TEXT_CONTRAST = 4.5
"""Least contrast of text, and of every curve in front."""

CURVE_CONTRAST = 5.5
"""Contrast of curves in front where the background allows it."""

_BOLD: frozenset[Role] = frozenset(("title", "best", "gap", "mark", "preview", *FRONT_RUNS))
_FAINT: frozenset[Role] = frozenset(
    ("frame", "text", "train-band", "validation-band", "plan", "branch", "mark-line", "reference", "contour", *DIM_RUNS)
)
_BEHIND: frozenset[Role] = _FAINT - {"frame", "text", "reference"}
GROUNDS: frozenset[Role] = frozenset(("shade", *(tone for tones in TONES for tone in tones)))
"""Roles that are drawn behind characters."""
CHROMA = 0.13
APART = 0.06
"""Least distance of a curve's colour from the colours of warnings, errors and success (0.02 is just noticeable)."""
HUES_APART = 16.0
"""Least distance of a curve's hue from theirs, in degrees."""
TRAIN_HUE, VALIDATION_HUE, PLAN_HUE = 250.0, 335.0, 190.0
_TONE_SHARES = (0.06, 0.15, 0.24, 0.34)
"""Shares of the hue in the backgrounds of a class."""
_SHADE = 0.11
"""Share of the foreground in the background of a shaded stretch."""

_SIXTEEN_RUNS = ("cyan", "magenta", "blue", "default", "green", "yellow", "red", "default")
_SIXTEEN: dict[Role, str] = {
    **dict.fromkeys(ROLES, "default"),
    "train": "cyan", "train-band": "cyan", "validation": "magenta", "validation-band": "magenta",
    "best": "magenta", "plan": "blue", "preview": "blue", "layer1": "blue", "layer2": "magenta", "layer3": "cyan",
    **{role: _SIXTEEN_RUNS[k] for roles in (RUNS, FRONT_RUNS, DIM_RUNS) for k, role in enumerate(roles)},
}  # fmt: skip
"""Neither bright colours, most of which are greys in Solarized, nor colours for text."""
_SIXTEEN_LIGHT: dict[Role, str] = {"train": "blue", "train-band": "blue", "plan": "cyan", "preview": "cyan"}


class Ground(NamedTuple):
    """The colours of a theme that charts depend on, as "#rrggbb"."""

    background: str
    foreground: str = ""
    """White or black where empty."""
    error: str = ""
    reserved: tuple[str, ...] = ()
    """The colours of warnings, errors and success, which no curve may have."""


@dataclass(frozen=True)
class Palette:
    """A style for every role, in the order of `ROLES`.

    Attributes:
        styles: the styles.
        grounds: whether characters can have colours behind them.
    """

    styles: tuple[Style, ...]
    grounds: bool = False

    def style(self, role: Role) -> Style:
        """Return the style of a role."""
        return self.styles[_INDEX[role]]

    def on(self, base: Style) -> Palette:
        """Return this palette on top of a base style."""
        return Palette(tuple(base + style for style in self.styles), self.grounds)


_INDEX: dict[Role, int] = {role: index for index, role in enumerate(ROLES)}
DARK_GROUND, LIGHT_GROUND = Ground("#11131a", "#c8d0e0"), Ground("#fbfbfc", "#20242e")


@cache
def palette(dark: bool = True, ground: Ground | None = None, depth: Depth = "full") -> Palette:
    """Return the styles of all roles.

    Args:
        dark: whether the theme is dark.
        ground: the colours of the theme; by default typical ones for `dark`.
        depth: the colour depth. Without colours, bold and dim styles show what is in front.
    """
    if depth == "none":
        return Palette(tuple(Style(bold=role in _BOLD, dim=role in _FAINT) for role in ROLES))
    if depth == "16":
        names = _SIXTEEN if dark else {**_SIXTEEN, **_SIXTEEN_LIGHT}
        return Palette(tuple(Style(color=names[role], bold=role in _BOLD, dim=role in _BEHIND) for role in ROLES))
    colors = _colors(ground or (DARK_GROUND if dark else LIGHT_GROUND), depth == "256")
    return Palette(
        tuple(
            Style(bgcolor=colors[role]) if role in GROUNDS else Style(color=colors[role], bold=role in _BOLD)
            for role in ROLES
        ),
        grounds=True,
    )


def _colors(ground: Ground, rounded: bool) -> dict[Role, str]:
    """Return the colour of every role; with `rounded`, one of the 256 that a terminal shows as it is."""
    background = in_256(ground.background) if rounded else ground.background
    foreground = ground.foreground or ("#ffffff" if is_dark(background) else "#000000")
    taken: set[str] = set()

    def fit(color: str, least: float, *, own: bool = False) -> str:
        """Return the color, moved until it has a contrast; with `own`, another one than those before."""
        color = nearest_256(color, background, least, taken if own else set()) if rounded else color
        color = legible(color, background, least)
        if own:
            taken.add(color)
        return color

    def toned(share: float, least: float) -> str:
        return fit(mixed(foreground, background, share), least)

    lightness = _lightness(background)
    hues = run_hues(lightness, ground.reserved)
    runs = [fit(oklch(lightness, CHROMA, hue), TEXT_CONTRAST, own=True) for hue in hues]
    taken.clear()
    train, validation, plan = (
        fit(oklch(lightness, CHROMA, _apart(hue, lightness, ground.reserved)), TEXT_CONTRAST, own=True)
        for hue in (TRAIN_HUE, VALIDATION_HUE, PLAN_HUE)
    )
    dims = [fit(mixed(color, background, 0.4), CONTRAST) for color in runs]
    colors: dict[Role, str] = {
        "frame": toned(0.6, CONTRAST), "text": toned(0.25, TEXT_CONTRAST), "title": toned(0.0, TEXT_CONTRAST),
        "message": toned(0.25, TEXT_CONTRAST), "train": train,
        "train-band": fit(mixed(train, background, 0.4), CONTRAST),
        "validation-band": fit(mixed(validation, background, 0.4), CONTRAST),
        "validation": validation, "best": validation, "plan": plan, "preview": plan, "branch": toned(0.5, CONTRAST),
        "mark": toned(0.0, TEXT_CONTRAST), "mark-line": toned(0.55, CONTRAST), "cursor": toned(0.0, TEXT_CONTRAST),
        "reference": toned(0.4, TEXT_CONTRAST), "gap": fit(ground.error or "#ff5555", TEXT_CONTRAST),
        "shade": mixed(background, foreground, _SHADE), "contour": toned(0.6, CONTRAST),
        **dict(zip(RUNS, runs, strict=True)), **dict(zip(FRONT_RUNS, runs, strict=True)),
        **dict(zip(DIM_RUNS, dims, strict=True)),
    }  # fmt: skip
    end = (0.97 if is_dark(background) else 0.2) - lightness
    for index, role in enumerate(LAYERS):
        share = index / (len(LAYERS) - 1)
        least = CONTRAST if index < 2 else TEXT_CONTRAST
        shade = oklch(lightness + end * (share - 0.2), CHROMA * (1 - share * 0.5), 300 - 120 * share)
        colors[role] = fit(shade, least)
    for color, tones in zip(runs, TONES, strict=True):
        colors |= {role: mixed(background, color, share) for role, share in zip(tones, _TONE_SHARES, strict=True)}
    return colors


def run_hues(lightness: float, reserved: tuple[str, ...] = ()) -> list[float]:
    """Return the hues of runs in degrees, blue first, neighbours in number far apart, away from reserved colours."""
    allowed = [
        degree % 360
        for degree in range(int(TRAIN_HUE), int(TRAIN_HUE) + 360, 10)
        if _is_apart(degree % 360, lightness, reserved)
    ]
    even = [allowed[k * len(allowed) // HUES] for k in range(HUES)]
    return [float(even[k * 3 % HUES]) for k in range(HUES)]


def _apart(hue: float, lightness: float, reserved: tuple[str, ...]) -> float:
    """Return the hue nearest to `hue` that is away from reserved colours."""
    turns = [sign * degree for degree in range(0, 180, 5) for sign in (1, -1)]
    return next((hue + turn for turn in turns if _is_apart(hue + turn, lightness, reserved)), hue)


def _is_apart(hue: float, lightness: float, reserved: tuple[str, ...]) -> bool:
    color = oklch(lightness, CHROMA, hue)
    return all(
        distance(color, other) >= APART and abs((hue - hue_of(other) + 180) % 360 - 180) >= HUES_APART
        for other in reserved
    )


@cache
def _lightness(background: str) -> float:
    """Return the lightness nearest to the background at which every hue can be read."""
    dark = is_dark(background)
    near, far = (0.4, 1.0) if dark else (0.85, 0.2)
    for _ in range(8):
        middle = (near + far) / 2
        if all(contrast(oklch(middle, CHROMA, hue), background) >= CURVE_CONTRAST for hue in range(0, 360, 60)):
            far = middle
        else:
            near = middle
    return far


@cache
def _readable_256(background: str, least: float) -> tuple[str, ...]:
    return tuple(color for color in xterm_colors() if contrast(color, background) >= least)


def nearest_256(color: str, background: str, least: float, taken: set[str]) -> str:
    """Return the colour of 256 that is most like `color`, has a contrast and is not taken yet."""
    fitting = [each for each in _readable_256(background, least) if each not in taken]
    return min(fitting, key=lambda each: distance(each, color), default=color)


def legible(color: str, background: str, least: float = CONTRAST) -> str:
    """Return `color` moved towards white or black until its contrast to `background` is at least `least`."""
    end = "#ffffff" if is_dark(background) else "#000000"
    for step in range(26):
        candidate = mixed(color, end, step / 25)
        if contrast(candidate, background) >= least:
            return candidate
    return end
