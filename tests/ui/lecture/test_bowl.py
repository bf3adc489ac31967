"""The bowl beside the lesson on momentum: its paths are those of torch's SGD, and its sliders redraw it."""

from __future__ import annotations

import pytest
import torch

from tests.ui.fake_session import app_over, press, screen_text, show, until
from tests.ui.lecture.guided_session import Course, GuidedSession
from tui_trainer.config.preset import load
from tui_trainer.ui.lecture.bowl import CONDITION, MOMENTA, START, Bowl, best


@pytest.mark.parametrize(("rate", "momentum"), [(0.05, 0.0), (0.04, 0.6), (0.11, 0.0)])
def test_the_path_is_that_of_torch(rate: float, momentum: float) -> None:
    point = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([point], lr=rate, momentum=momentum)
    for found in Bowl(rate, momentum).path(30):
        assert found == pytest.approx(tuple(point.detach().tolist()), rel=1e-9, abs=1e-12)
        optimizer.zero_grad()
        ((point[0] ** 2 + CONDITION * point[1] ** 2) / 2).backward()
        optimizer.step()


def test_the_best_of_theory_needs_fewer_steps_than_its_neighbours_and_too_high_a_rate_none() -> None:
    needed = best().steps_needed()
    assert needed is not None
    plain = min(found for k in range(1, 22) if (found := Bowl(0.005 * k).steps_needed()) is not None)
    assert needed < plain / 2
    assert Bowl(2.01 / CONDITION).steps_needed() is None
    assert Bowl().moved(momentum=100).momentum == MOMENTA[-1]


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
async def test_keys_move_the_sliders_and_send_nothing(size: tuple[int, int]) -> None:
    config = load("second-order").first.model_dump(mode="json", exclude_none=True)
    scripted = GuidedSession({"newton": Course(10, 1, config)})
    app = app_over(scripted)
    async with show(app, size) as pilot:
        assert app.dashboard is not None
        await until(pilot, lambda: app.dashboard is not None and app.dashboard.view_state.lesson is not None)
        await press(pilot, "H")
        await until(pilot, lambda: "0.040" in screen_text(app))
        first = screen_text(app)
        await press(pilot, "right", "up")
        await until(pilot, lambda: "0.045" in screen_text(app))
        assert screen_text(app) != first
        await press(pilot, "b")
        await until(pilot, lambda: f"a millionth after {best().steps_needed()} steps" in screen_text(app))
        await press(pilot, "escape")
        assert scripted.sent == []
