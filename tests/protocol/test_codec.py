"""Lines of events: complete and unaltered, or refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import BadLine, decode_command, decode_event, encode_event, verify

LINE = encode_event(
    ev.Scalars(seq=3, run="r", at="2026-01-01T00:00:00Z", steps=[1], seconds=[0.5], values={"train_loss": [0.1 + 0.2]})
)


def test_a_line_is_one_json_object_with_its_checksum_last():
    assert LINE.startswith(b'{"seq":3,"at":"2026-01-01T00:00:00Z","run":"r","type":"Scalars"')
    assert LINE.endswith(b'"}\n')
    assert LINE.count(b"\n") == 1
    assert verify(LINE)


def test_every_altered_byte_is_noticed():
    for position in range(len(LINE) - 1):
        for flip in (1, 128):
            altered = bytearray(LINE)
            altered[position] ^= flip
            with pytest.raises(BadLine):
                decode_event(bytes(altered))


def test_every_torn_line_is_noticed():
    for end in range(len(LINE) - 1):
        assert not verify(LINE[:end])


def test_floats_come_back_to_the_bit_and_what_is_not_finite_as_null():
    event = decode_event(LINE)
    assert isinstance(event, ev.Scalars)
    assert event.values["train_loss"] == [0.1 + 0.2]
    assert b"null" in encode_event(ev.EpochEnded(epoch=1, seconds=1, metrics={"val_loss": math.inf}))


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_with_a_message_and_never_crash(data):
    for decode in (decode_event, decode_command):
        with pytest.raises(BadLine):
            decode(data)
