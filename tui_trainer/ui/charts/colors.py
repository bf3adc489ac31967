"""Arithmetic of colours, each as "#rrggbb".

Contrast is that of WCAG 2.2; lightness, chroma, hue and distance are those of Oklab (Ottosson 2020).
"""

from __future__ import annotations

from functools import cache
from math import atan2, cos, degrees, hypot, radians, sin

from rich.color import Color, ColorSystem

Parts = tuple[float, float, float]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@cache
def luminance(color: str) -> float:
    """Return the relative luminance of a colour, from 0 to 1."""
    red, green, blue = _linear_parts(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def distance(one: str, other: str) -> float:
    """Return how different two colours look: the distance in Oklab; 0.02 is just noticeable."""
    a, b = oklab(one), oklab(other)
    return hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])


@cache
def hue_of(color: str) -> float:
    """Return the hue of a colour in degrees."""
    _, a, b = oklab(color)
    return degrees(atan2(b, a)) % 360


@cache
def oklab(color: str) -> Parts:
    """Return a colour as lightness from 0 to 1 and two axes of hue."""
    red, green, blue = _linear_parts(color)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def oklch(lightness: float, chroma: float, hue: float) -> str:
    """Return the colour of a lightness, chroma and hue in degrees; with less chroma where a screen has no such one."""
    across, up = cos(radians(hue)), sin(radians(hue))
    red = green = blue = 0.0
    for share in (1.0, 0.85, 0.7, 0.55, 0.4, 0.25, 0.1, 0.0):
        a, b = chroma * share * across, chroma * share * up
        long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
        green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
        blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
        if min(red, green, blue) >= -1e-4 and max(red, green, blue) <= 1 + 1e-4:
            break
    return f"#{_byte(red):02x}{_byte(green):02x}{_byte(blue):02x}"


def mixed(one: str, other: str, share: float) -> str:
    """Return `one` with a share of `other`."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#{:02x}{:02x}{:02x}".format(*(round(a + (b - a) * share) for a, b in pairs))


@cache
def in_256(color: str) -> str:
    """Return the colour that a terminal with 256 colours shows."""
    return Color.parse(color).downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex


@cache
def xterm_colors() -> tuple[str, ...]:
    """Return the colours 16 to 255 of a terminal with 256, which no palette of the user changes.

    A few greys are left out, which rounding to 256 colours would change once more.
    """
    colors = (Color.from_ansi(number).get_truecolor().hex for number in range(16, 256))
    return tuple(color for color in dict.fromkeys(colors) if in_256(color) == color)


@cache
def is_dark(background: str) -> bool:
    """Return whether white is further from a background than black."""
    return contrast("#ffffff", background) >= contrast("#000000", background)


def _parts(color: str) -> Parts:
    return float(int(color[1:3], 16)), float(int(color[3:5], 16)), float(int(color[5:7], 16))


def _linear_parts(color: str) -> Parts:
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    return red, green, blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _byte(part: float) -> int:
    part = min(max(part, 0.0), 1.0)
    return round(255 * (part * 12.92 if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055))
