"""The run store: which events are urgent."""

from __future__ import annotations

import pytest

from tests.ui.fake_session import running
from tui_trainer.protocol import events as ev
from tui_trainer.ui.run_store import RunStore


@pytest.mark.parametrize(
    ("event", "urgent"),
    [
        (ev.Diagnosed(finding="OVERFIT"), True),
        (ev.Diagnosed(finding="OVERFIT", active=False), True),
        (ev.Diagnosed(finding="OVERFIT", again=True), False),  # in newer numbers, several times a second
        (ev.StatusChanged(status="paused"), True),
        (ev.SavingFailed(what="journal", error="full"), True),
        (ev.Logged(lines=["x"]), False),
    ],
)
def test_only_important_events_are_urgent(event: ev.AnyEvent, urgent: bool) -> None:
    session = running()
    store = RunStore(session)
    store.poll()
    session.play(event)
    update = store.poll()
    assert (update.changed, update.urgent) == (True, urgent)
