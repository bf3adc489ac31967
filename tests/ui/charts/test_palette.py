"""Palettes: enough contrast on every background, and none of the colours a terminal lacks."""

from __future__ import annotations

import pytest

from tui_trainer.ui.charts.palette import CONTRAST, DIM_RUNS, ROLES, RUNS, contrast, legible, palette
from tui_trainer.ui.themes import THEMES

GROUNDS = {theme.name: theme for theme in THEMES if not theme.ansi}


@pytest.mark.parametrize("name", GROUNDS)
@pytest.mark.parametrize("ground", ["background", "surface", "panel"])
def test_every_role_has_contrast_on_the_backgrounds_of_the_themes(name: str, ground: str):
    theme = GROUNDS[name]
    behind = getattr(theme, ground)
    for role in ROLES:
        color = palette(theme.dark, behind).style(role).color
        assert color is not None
        assert contrast(color.get_truecolor().hex, behind) >= CONTRAST, role


@pytest.mark.parametrize("behind", ["#000000", "#ffffff", "#808080", "#002b36", "#fdf6e3", "#7f0000", "#00ff00"])
def test_legible_moves_a_color_until_it_has_contrast(behind: str):
    for color in ("#000000", "#ffffff", "#777777", "#e69f00", "#0072b2"):
        assert contrast(legible(color, behind), behind) >= CONTRAST


def test_front_roles_have_more_contrast_than_dim_roles():
    dark = "#11131a"
    for front, behind in (
        ("smooth", "train"),
        ("norm-smooth", "norm"),
        ("rate", "planned"),
        *zip(RUNS, DIM_RUNS, strict=True),
    ):
        looks = palette(True, dark)
        one, other = looks.style(front).color, looks.style(behind).color
        assert one is not None
        assert other is not None
        assert contrast(one.get_truecolor().hex, dark) > contrast(other.get_truecolor().hex, dark)


def test_without_colors_styles_differ_by_bold_and_dim():
    looks = palette(depth="none")
    assert all(style.color is None and style.bgcolor is None for style in looks.styles)
    assert looks.style("train").dim
    assert not looks.style("smooth").dim
    assert looks.style("gap").bold


@pytest.mark.parametrize("dark", [True, False])
def test_sixteen_colors_are_those_of_the_terminal(dark: bool):
    for style in palette(dark, depth="16").styles:
        assert style.color is not None
        assert style.color.number is None or style.color.number < 16


def test_palettes_are_cached():
    assert palette(True, "#11131a") is palette(True, "#11131a")


def test_training_and_validation_differ_in_more_than_red_and_green():
    looks = palette(True)
    blue, orange = looks.style("smooth").color, looks.style("validation").color
    assert blue is not None
    assert orange is not None
    assert blue.get_truecolor().blue > orange.get_truecolor().blue + 100
