"""The slowest of many processes in the header, at every width."""

from __future__ import annotations

import pytest

from tests.ui.fake_session import app_over, running, screen_text, show, until
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import BY_ID
from tui_trainer.ui.availability import ActionContext, disabled_reason


@pytest.mark.parametrize(
    ("size", "words"),
    [((80, 24), "worst 812: 31 ms"), ((140, 40), "ranks 12 ms, worst 812: 31 ms")],
)
async def test_the_slowest_rank_is_named(size: tuple[int, int], words: str) -> None:
    values: dict[str, list[float | None]] = {"rank/busy": [12.0], "rank/busy_worst": [31.0], "rank/slowest": [812.0]}
    session = running()
    session.play(ev.Scalars(step=20, steps=[20], seconds=[1.0], values=values))
    app = app_over(session)
    async with show(app, size) as pilot:
        await until(pilot, lambda: words in screen_text(app).splitlines()[0])
        assert ("ranks" in screen_text(app).splitlines()[0]) == (size[0] > 100)


def test_the_page_of_layers_says_why_a_sharded_run_has_none() -> None:
    state = RunState(run="r")
    state.apply(ev.RunStarted(config={"training": {"sharding": "fully-shard"}}))
    reason = disabled_reason(BY_ID["layers"], ActionContext(state, 1))
    assert reason == "layers are not measured: no rank has the whole of one (training.sharding)"
    assert disabled_reason(BY_ID["layers"], ActionContext(None, 1)) == "the layers have not been measured yet"
