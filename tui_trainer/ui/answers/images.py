"""Images in half blocks: two pixels in a cell, one above the other."""

from __future__ import annotations

from textual.content import Content

from tui_trainer.protocol.pictures import Sample
from tui_trainer.ui.icons import Icons

SHADES, ASCII_SHADES = " ░▒▓█", " .:-=+*#%@"
"""Characters from dark to bright, for terminals without colours behind characters."""
Pixel = tuple[float, float, float]


def image_lines(sample: Sample, scale: int, icons: Icons, *, colors: bool) -> list[Content]:
    """Return an image, two rows of pixels on each line.

    Args:
        sample: the sample; one without an image gives no lines.
        scale: cells for the width of one pixel; a pixel is as high as wide.
        icons: whether the font has block characters.
        colors: whether every cell can have colours of its own; else shades stand for the mean of two pixels.
    """
    rows = [_pixels(row, sample.channels, scale) for row in sample.image for _ in range(scale)]
    if len(rows) % 2:
        rows.append([(0.0, 0.0, 0.0)] * len(rows[0]))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    if colors and not icons.ascii:
        return [_colored(above, below) for above, below in pairs]
    shades = ASCII_SHADES if icons.ascii else SHADES
    return [Content("".join(_shade(a, b, shades) for a, b in zip(above, below, strict=True))) for above, below in pairs]


def image_size(sample: Sample) -> tuple[int, int]:
    """Return width and height of an image in pixels."""
    return (len(sample.image[0]) // sample.channels if sample.image else 0), len(sample.image)


def _pixels(row: tuple[float | None, ...], channels: int, scale: int) -> list[Pixel]:
    values = [min(max(value or 0.0, 0.0), 1.0) for value in row]
    if channels == 3:
        pixels = list(zip(values[::3], values[1::3], values[2::3], strict=True))
    else:
        pixels = [(value, value, value) for value in values]
    return [pixel for pixel in pixels for _ in range(scale)]


def _colored(above: list[Pixel], below: list[Pixel]) -> Content:
    """Return one line; neighbours of the same colours are one span."""
    parts: list[tuple[str, str]] = []
    for pair in zip(above, below, strict=True):
        style = f"{_hex(pair[0])} on {_hex(pair[1])}"
        if parts and parts[-1][1] == style:
            parts[-1] = (parts[-1][0] + "▀", style)
        else:
            parts.append(("▀", style))
    return Content.assemble(*parts)


def _hex(pixel: Pixel) -> str:
    red, green, blue = (round(value * 255) for value in pixel)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _shade(above: Pixel, below: Pixel, shades: str) -> str:
    return shades[round((sum(above) + sum(below)) / 6 * (len(shades) - 1))]
