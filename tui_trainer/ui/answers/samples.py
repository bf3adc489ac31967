"""Samples with the answers to them, as lines of text: images side by side, rows of tables, windows of text."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.protocol.pictures import Answers, Sample, Written
from tui_trainer.text import cut, visible
from tui_trainer.ui.answers.images import image_lines, image_size
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.log_pane import wrap

CAPTION = 13
"""Cells of the narrowest caption under an image."""
SMALL, RAIL = 10, (34, 60)
"""Images of at most so many pixels are drawn twice as large on a page of such a width."""
RIGHT, WRONG = "$success", "$error"
"""Styles of right and wrong answers; the words differ too."""


def sample_lines(
    samples: Sequence[Sample], drawing: Answers, width: int, icons: Icons, *, colors: bool
) -> list[Content]:
    """Return samples in their order, in lines of at most `width` cells."""
    if samples and all(sample.image for sample in samples):
        return _images(samples, width, icons, colors=colors)
    lines: list[Content] = []
    for sample in samples:
        lines.append(_headline(sample, drawing, width, icons))
        if sample.text:
            lines += [Content.styled(row, "$muted") for row in _wrapped(sample.text, width - 2, icons)]
        elif sample.values:
            lines += [Content.styled(row, "$muted") for row in _facts(sample, drawing, width - 2)]
    return lines


def written_lines(written: Sequence[Written], width: int, icons: Icons) -> list[Content]:
    """Return prompts in bold, each with the text that the model wrote after it."""
    lines: list[Content] = []
    for each in written:
        prompt, text = _one_line(each.prompt, icons), _one_line(each.text, icons)
        start = 0
        for row in wrap(prompt + text, max(width, 8)):
            bold = max(min(len(prompt) - start, len(row)), 0)
            lines.append(Content.assemble((row[:bold], "bold $primary"), row[bold:]))
            start += len(row)
    return lines


def _headline(sample: Sample, drawing: Answers, width: int, icons: Icons) -> Content:
    """Return number, truth, answer and measure of a sample in one line."""
    name = f"#{sample.index}" if sample.index >= 0 else "typed row"
    if sample.answer is not None:
        truth = f"true {number(sample.target)}" if sample.target is not None else ""
        gap = f"off {sample.answer - sample.target:+.4g}" if sample.target is not None else ""
        parts = [name, f"says {number(sample.answer)}", truth, gap]
        return Content(cut(visible("  ".join(part for part in parts if part)), width, icons.ellipsis))
    if sample.guess:
        sure = f" {sample.sure:.0%}" if sample.sure is not None else ""
        truth = f"is {visible(sample.true)}, " if sample.true else ""
        style = "" if not sample.true else RIGHT if sample.true == sample.guess else WRONG
        wrong = f"  {drawing.measure} {number(sample.wrong, 3)}" if sample.wrong is not None else ""
        head = f"{name} {truth}"
        answer = f"says {visible(sample.guess)}{sure}"
        room = max(width - len(head), 0)
        return Content.assemble(
            cut(head, width), (cut(answer, room, icons.ellipsis), style),
            (cut(visible(wrong), max(room - len(answer), 0)), "$muted"),
        )  # fmt: skip
    return Content(cut(visible(f"{name}  {number(sample.wrong)} {drawing.measure}"), width, icons.ellipsis))


def _facts(sample: Sample, drawing: Answers, width: int) -> list[str]:
    """Return the numbers of a row with the names of their columns."""
    names = [*drawing.names, *(f"x{index}" for index in range(len(drawing.names), len(sample.values)))]
    facts = [f"{visible(name)} {number(value)}" for name, value in zip(names, sample.values, strict=False)]
    lines: list[str] = []
    for fact in facts:
        fact = cut(fact, max(width, 4))
        if lines and len(lines[-1]) + 2 + len(fact) <= width:
            lines[-1] += f"  {fact}"
        else:
            lines.append(fact)
    return [f"  {line}" for line in lines]


def _wrapped(text: str, width: int, icons: Icons) -> list[str]:
    return [f"  {row}" for row in wrap(_one_line(text, icons), max(width, 8))]


def _one_line(text: str, icons: Icons) -> str:
    """Return a text on one line, with a sign for each end of a line."""
    return visible(text.replace("\n", "\\n" if icons.ascii else "↵"))


def _images(samples: Sequence[Sample], width: int, icons: Icons, *, colors: bool) -> list[Content]:
    """Return images side by side, each with two lines below it: the truth, and the answer."""
    pixels = max(image_size(sample)[0] for sample in samples)
    scale = 2 if pixels <= SMALL and RAIL[0] <= width < RAIL[1] else 1
    slot = max(pixels * scale, CAPTION)
    in_row = max((width + 2) // (slot + 2), 1)
    lines: list[Content] = []
    for start in range(0, len(samples), in_row):
        if start:
            lines.append(Content(""))
        blocks = [_block(sample, slot, scale, icons, colors=colors) for sample in samples[start : start + in_row]]
        for row in range(max(len(block) for block in blocks)):
            cells = [block[row] if row < len(block) else Content("") for block in blocks]
            padded = [cell.pad_right(max(slot - cell.cell_length, 0)) for cell in cells]
            lines.append(Content("  ").join(padded).truncate(width))
    return lines


def _block(sample: Sample, slot: int, scale: int, icons: Icons, *, colors: bool) -> list[Content]:
    style = "" if not sample.true else RIGHT if sample.true == sample.guess else WRONG
    sure = f" {sample.sure:.0%}" if sample.sure is not None else ""
    says = visible(sample.guess) if sample.guess else number(sample.answer)
    truth = visible(sample.true) if sample.true else number(sample.target)
    return [
        *image_lines(sample, scale, icons, colors=colors),
        Content.styled(cut(f"#{sample.index} is {truth}", slot, icons.ellipsis), "$muted"),
        Content.styled(f"{cut(f'says {says}', slot - len(sure), icons.ellipsis)}{sure}", style),
    ]
