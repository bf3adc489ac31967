"""Histograms, texts and images of event files, written by torch (see write_fixtures) and by the published format."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import torch

from tests.readers import event_writer as w
from tui_trainer.protocol.pictures import Heat, Histogram, drawing_of
from tui_trainer.readers.find_logs import find_logs, log_at
from tui_trainer.readers.reading import Medium, Position
from tui_trainer.readers.tensorboard import event_files
from tui_trainer.readers.tensorboard.media import HISTOGRAM, of_summary
from tui_trainer.session.logs import log_media
from tui_trainer.session.logs.log_media import even
from tui_trainer.session.logs.log_session import LogSession
from tui_trainer.state.run_state import RunState

TORCH = Path(__file__).parents[1] / "fixtures" / "logs" / "tensorboard" / "torch"


def written() -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The weights and the images that the fixture holds, at steps 10, 20, 30 and 40."""
    generator = torch.Generator().manual_seed(0)
    both = [(torch.randn(200, generator=generator), torch.rand(1, 6, 8, generator=generator)) for _ in range(4)]
    return [weights for weights, _ in both], [image[0] for _, image in both]


@pytest.fixture(scope="module")
def state() -> RunState:
    [log] = find_logs(TORCH, {}).logs
    session = LogSession(log, {})
    session.read_all()
    [state] = session.states
    return state


def test_a_histogram_has_the_counts_of_its_values(state: RunState) -> None:
    drawing = drawing_of(state.pictures["weights/0"])
    assert isinstance(drawing, Histogram)
    [group] = drawing.groups
    weights = written()[0][-1]
    assert (group.low, group.high) == pytest.approx((float(weights.min()), float(weights.max())))
    assert sum(group.counts) == pytest.approx(200)
    edges = torch.linspace(group.low, group.high, len(group.counts) + 1)
    below = torch.tensor([0.0, *group.counts]).cumsum(0)
    expected = torch.tensor([float((weights < edge).sum()) for edge in edges])
    assert (below - expected).abs().max() < 12  # its buckets were wider than these bins
    assert [column.first for column in state.histograms["weights/0/"].columns] == [10, 20, 30, 40]


def test_an_image_has_its_pixels(state: RunState) -> None:
    drawing = drawing_of(state.pictures["digit"])
    assert isinstance(drawing, Heat)
    assert (torch.tensor(drawing.values) - written()[1][-1]).abs().max() < 1.5 / 255


def test_the_newest_text_is_in_the_log(state: RunState) -> None:
    assert [line.text for line in state.log if "sample" in line.text] == ["sample: **step** 40"]
    assert state.started is not None
    assert state.started.config == {"lr": 0.01, "optimizer": "adam"}


def test_without_pillow_one_line_says_that_images_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr(log_media, "find_spec", lambda name: None)
    log = log_at(TORCH / "events.out.tfevents.1700000001.host.1.1")
    assert log is not None
    session = LogSession(log, {})
    session.read_all()
    [state] = session.states
    assert "digit" not in state.pictures
    assert [line.text for line in state.log if "Pillow" in line.text] == [
        "images are passed over: Pillow is not installed"
    ]


def tensor(tag: str, plugin: str, content: bytes) -> bytes:
    value = w.field(1, tag.encode()) + w.field(8, content) + w.plugin(plugin)
    return w.record(w.event(1.0, 3, w.field(1, value)))


def read(path: Path, content: bytes) -> list[Medium]:
    path.write_bytes(content)
    return event_files.read_events(path, Position(), {}).runs[""].media


def test_tensors_of_plugins_hold_media_too(tmp_path: Path) -> None:
    buckets = (0.0, 1.0, 5.0, 1.0, 3.0, 2.0)
    shape = w.field(2, w.field(1, 2)) + w.field(2, w.field(1, 3))
    spread = w.field(1, 2) + w.field(2, shape) + w.field(4, struct.pack("<6d", *buckets))
    texts = w.field(1, 7) + w.field(8, b"one\x1b[31m") + w.field(8, b"two")
    image = w.field(1, 7) + w.field(8, b"8") + w.field(8, b"6") + w.field(8, b"png")
    content = tensor("h", "histograms", spread) + tensor("t", "text", texts) + tensor("i", "images", image)
    assert read(tmp_path / "x.tfevents.1", content) == [
        Medium("histogram", "h", 3, (buckets[:3], buckets[3:])),
        Medium("text", "t", 3, "one\x1b[31m\ntwo"),
        Medium("image", "i", 3, b"png"),
    ]


def test_many_media_of_one_name_are_thinned(tmp_path: Path) -> None:
    spread = w.field(1, 2) + w.field(2, w.field(2, w.field(1, 1)) + w.field(2, w.field(1, 3)))
    spread += w.field(4, struct.pack("<3d", 0.0, 1.0, 1.0))
    found = read(tmp_path / "x.tfevents.1", tensor("h", "histograms", spread) * 200 + tensor("t", "audio", spread))
    assert len(found) == event_files.HISTOGRAMS


def test_buckets_are_spread_evenly_over_bins() -> None:
    spread = even([(0.0, 1.0, 4.0), (1.0, 3.0, 2.0)])
    assert spread is not None
    low, high, counts = spread
    assert (low, high) == (0.0, 3.0)
    assert counts == pytest.approx([0.4] * 10 + [0.1] * 20)
    assert even([(2.0, 2.0, 7.0)]) == (1.5, 2.5, [*[0.0] * 15, 7.0, *[0.0] * 14])
    assert even([(-1.7e308, 1.7e308, 1.0)]) is None


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\x00" * 100])
def test_what_is_no_image_is_left_out(content: bytes) -> None:
    assert log_media.event_of(Medium("image", "x", 1, content), 0) is None


def test_a_histogram_whose_bounds_have_another_width_is_read_without_them() -> None:
    short = bytes([1 << 3 | 5, 0, 0, 128, 63, 2 << 3 | 5, 0, 0, 128, 63])  # both as floats of four bytes
    assert of_summary("h", 1, HISTOGRAM, short) is None
