"""Export of a run's curves as a table."""

from __future__ import annotations

import io

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.export import write_csv


def test_control_characters_in_names_are_made_visible(tmp_path):
    journal = tmp_path / "events.jsonl"
    found = ev.Scalars(step=1, seq=1, run="r", steps=[1], seconds=[0.5], values={"a\x1b]0;x\x07,\u202eb": [0.25]})
    journal.write_bytes(encode_event(found))
    file = io.StringIO()
    assert write_csv(journal, file) == 1
    assert file.getvalue() == 'step,epoch,seconds,"a␛]0;x␇,<U+202E>b"\n1,1,0.5,0.25\n'
