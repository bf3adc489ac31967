"""Palettes: enough contrast on every background, and none of the colours a terminal lacks."""

from __future__ import annotations

from itertools import combinations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from tui_trainer.ui.charts.colors import contrast, distance, in_256
from tui_trainer.ui.charts.palette import (
    APART,
    CONTRAST,
    DIM_RUNS,
    FRONT_RUNS,
    GROUNDS,
    ROLES,
    RUNS,
    TEXT_CONTRAST,
    TONES,
    Depth,
    Ground,
    Palette,
    Role,
    legible,
    palette,
)
from tui_trainer.ui.themes import THEMES

COLORED = {theme.name: theme for theme in (*THEMES, *BUILTIN_THEMES.values()) if not theme.ansi}
CURVES: tuple[Role, ...] = ("train", "validation", "plan", *RUNS)
TEXTS: tuple[Role, ...] = ("text", "title", "message", "mark", "gap", "best", "reference", *CURVES)
DEPTHS: tuple[Depth, ...] = ("full", "256")


def ground_of(theme: Theme, behind: str = "background") -> Ground:
    colors = theme.to_color_system().generate()
    names = (behind, "foreground", "warning", "error", "success")
    hexes = {name: Color.parse(colors[name]).hex6.lower() for name in names}
    reserved = (hexes["warning"], hexes["error"], hexes["success"])
    return Ground(hexes[behind], hexes["foreground"], hexes["error"], reserved)


def color_of(looks: Palette, role: Role) -> str:
    color = looks.style(role).color
    assert color is not None, role
    return color.get_truecolor().hex


@pytest.mark.parametrize("behind", ["background", "surface", "panel"])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", COLORED)
def test_every_theme_can_be_read(name: str, depth: Depth, behind: str):
    """Text and curves in front have 4.5 to 1, everything drawn has 3 to 1, also rounded to 256 colours."""
    theme = COLORED[name]
    ground = ground_of(theme, behind)
    looks = palette(theme.dark, ground, depth)
    background = in_256(ground.background) if depth == "256" else ground.background
    for role in ROLES:
        if role in GROUNDS:
            assert looks.style(role).bgcolor is not None
            continue
        color = color_of(looks, role)
        assert depth == "full" or color == in_256(color), f"{role} is shown as it is"
        least = TEXT_CONTRAST if role in TEXTS else CONTRAST
        assert contrast(color, background) >= least, (role, color)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", COLORED)
def test_curves_differ_from_each_other_and_from_warnings_errors_and_success(name: str, depth: Depth):
    theme = COLORED[name]
    ground = ground_of(theme)
    looks = palette(theme.dark, ground, depth)
    runs = [color_of(looks, role) for role in RUNS]
    assert min(distance(one, other) for one, other in combinations(runs, 2)) > 0.025
    meanings = [color_of(looks, role) for role in ("train", "validation", "plan")]
    assert min(distance(one, other) for one, other in combinations(meanings, 2)) > 0.025
    for color in (*runs, *meanings):
        away = min(distance(color, other) for other in ground.reserved)
        assert away >= (APART if depth == "full" else 0.03), (color, ground.reserved)


@pytest.mark.parametrize("name", COLORED)
def test_the_hues_of_runs_are_equally_light(name: str):
    theme = COLORED[name]
    ground = ground_of(theme)
    looks = palette(theme.dark, ground)
    contrasts = [contrast(color_of(looks, role), ground.background) for role in RUNS]
    assert max(contrasts) / min(contrasts) < 1.25


def test_the_front_run_differs_by_weight_and_not_by_hue():
    for depth in ("full", "256", "16"):
        looks = palette(depth=depth)
        for front, behind in zip(FRONT_RUNS, RUNS, strict=True):
            assert looks.style(front).color == looks.style(behind).color
            assert looks.style(front).bold
            assert not looks.style(behind).bold


@pytest.mark.parametrize("behind", ["#000000", "#ffffff", "#808080", "#002b36", "#fdf6e3", "#7f0000", "#00ff00"])
def test_legible_moves_a_color_until_it_has_contrast(behind: str):
    for color in ("#000000", "#ffffff", "#777777", "#e69f00", "#0072b2"):
        assert contrast(legible(color, behind), behind) >= CONTRAST


def test_curves_in_front_have_more_contrast_than_the_bands_behind_them():
    looks = palette(True)
    for front, behind in (("train", "train-band"), *zip(RUNS, DIM_RUNS, strict=True)):
        assert contrast(color_of(looks, front), "#11131a") > contrast(color_of(looks, behind), "#11131a")


def test_the_shades_of_a_class_become_stronger():
    looks = palette(True)
    for tones in TONES:
        grounds = [looks.style(role).bgcolor for role in tones]
        away = [distance(color.get_truecolor().hex, "#11131a") for color in grounds if color is not None]
        assert away == sorted(away)
        assert len(set(away)) == 4


def test_without_colors_styles_differ_by_bold_and_dim():
    looks = palette(depth="none")
    assert all(style.color is None and style.bgcolor is None for style in looks.styles)
    assert looks.style("train-band").dim
    assert not looks.style("train").dim
    assert looks.style("gap").bold
    assert not looks.grounds


@pytest.mark.parametrize("dark", [True, False])
def test_sixteen_colors_are_those_of_the_terminal(dark: bool):
    for style in palette(dark, depth="16").styles:
        assert style.color is not None
        assert style.color.number is None or style.color.number < 16


def test_palettes_are_cached():
    assert palette(True, Ground("#11131a")) is palette(True, Ground("#11131a"))


def test_training_and_validation_differ_in_more_than_red_and_green():
    """A red-green blind reader still sees the difference between blue and yellow."""
    looks = palette(True)
    blue, other = looks.style("train").color, looks.style("validation").color
    assert blue is not None
    assert other is not None
    yellowness = [(c.red + c.green) / 2 - c.blue for c in (blue.get_truecolor(), other.get_truecolor())]
    assert yellowness[1] - yellowness[0] > 30
