"""Steps and ends of epochs, told from one line after the other."""

from __future__ import annotations

import pytest

from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.watching.output_run import OutputRun
from tui_trainer.watching.patterns import read_line
from tui_trainer.watching.progress import Progress


def run_of(*lines: str) -> tuple[OutputRun, list[ev.AnyEvent]]:
    """Return the run of some lines, and its events."""
    events: list[ev.AnyEvent] = []
    run, progress = OutputRun(events.append, ev.RunStarted()), Progress()
    for line in lines:
        reading = read_line(line)
        if reading is not None:
            run.take(progress.take(reading))
    run.take(progress.last())
    run.flush()
    return run, events


def epochs(events: list[ev.AnyEvent]) -> list[tuple[int, int, dict[str, float | None]]]:
    """Return number, step and metrics of each epoch that ended."""
    return [(each.epoch, each.step, each.metrics) for each in events if isinstance(each, ev.EpochEnded)]


def losses(events: list[ev.AnyEvent]) -> dict[int, float | None]:
    """Return the training loss by step."""
    found: dict[int, float | None] = {}
    for each in events:
        if isinstance(each, ev.Scalars) and "train_loss" in each.values:
            found |= dict(zip(each.steps, each.values["train_loss"], strict=True))
    return found


def test_a_bar_that_shows_the_validation_of_an_epoch_in_the_next_one_ends_it_once() -> None:
    bar = "Epoch {}/2  \u2501\u2501 {}/8 0:00:01 \u2022 0:00:01 9.10it/s train_loss: {}{}"
    run, events = run_of(
        bar.format(0, 1, 0.9, ""), bar.format(0, 8, 0.8, ""),
        bar.format(1, 0, 0.8, ""), bar.format(1, 1, 0.8, " val_loss: 0.7"), bar.format(1, 8, 0.6, " val_loss: 0.7"),
        bar.format(2, 0, 0.6, " val_loss: 0.7"), bar.format(2, 2, 0.5, " val_loss: 0.6"),
        bar.format(2, 8, 0.4, " val_loss: 0.6"), bar.format(2, 8, 0.4, " val_loss: 0.5"),
    )  # fmt: skip
    assert [(epoch, metrics.get("val_loss")) for epoch, _, metrics in epochs(events)] == [(1, 0.7), (2, 0.6), (3, 0.5)]
    assert all("train_loss" in metrics for *_, metrics in epochs(events))
    assert run.best is not None
    assert run.best.epoch == 3


def test_an_epoch_that_a_bar_does_not_validate_ends_a_few_lines_later() -> None:
    bar = "Epoch {}/2  \u2501\u2501 {}/8 0:00:01 \u2022 0:00:01 9.10it/s train_loss: {} val_loss: 0.7"
    lines = [bar.format(number, step, 1 - number / 10 - step / 100) for number in range(3) for step in range(9)]
    _, events = run_of(*lines)
    assert [epoch for epoch, *_ in epochs(events)] == [1, 2, 3]


KERAS = ["Epoch 1/2", "1/2 \u2501 0s 5ms/step - loss: 0.8", "2/2 \u2501 0s 5ms/step - loss: 0.6", "Epoch 2/2",
         "1/2 \u2501 0s 5ms/step - loss: 0.4", "2/2 \u2501 0s 5ms/step - loss: 0.2"]  # fmt: skip


def test_keras_without_validation() -> None:
    _, events = run_of(*KERAS)
    assert losses(events) == {1: 0.8, 2: 0.6, 3: 0.4, 4: 0.2}
    told = [(each.epochs, each.steps_per_epoch) for each in events if isinstance(each, ev.Capabilities)]
    assert told[-1] == (2, 2)
    assert [(epoch, step) for epoch, step, _ in epochs(events)] == [(1, 2), (2, 4)]
    assert [metrics["train_loss"] for *_, metrics in epochs(events)] == pytest.approx([0.7, 0.3])


def test_lightning_ends_an_epoch_at_each_new_validation() -> None:
    bar = "Epoch {}: {}|#| {}/2 [00:00<00:00, 9.1it/s, v_num=1, train_loss={}{}]"
    run, events = run_of(
        bar.format(0, "50%", 1, 0.9, ""), bar.format(0, "100%", 2, 0.8, ""),
        bar.format(0, "100%", 2, 0.8, ", val_loss=0.7"),
        bar.format(1, "50%", 1, 0.6, ", val_loss=0.7"), bar.format(1, "100%", 2, 0.5, ", val_loss=0.75"),
    )  # fmt: skip
    assert losses(events) == {1: 0.9, 2: 0.8, 3: 0.6, 4: 0.5}
    assert [(epoch, step, metrics["val_loss"]) for epoch, step, metrics in epochs(events)] == [
        (1, 2, 0.7),
        (2, 4, 0.75),
    ]
    assert run.best is not None
    assert (run.best.epoch, run.best.value, run.bad_epochs) == (1, 0.7, 1)


def test_a_bar_may_show_the_validation_of_the_epoch_before() -> None:
    bar = "Epoch {}/1  \u2501\u2501\u2501 {}/4 0:00:01 \u2022 0:00:07 52.20it/s  {}"
    _, events = run_of(
        bar.format(0, 0, "val_loss: 9.5"),  # the check before the training
        bar.format(0, 2, "train_loss: 0.9 val_loss: 9.5"), bar.format(0, 4, "train_loss: 0.8 val_loss: 9.5"),
        "Validation \u2501\u2501 2/2 0:00:00 \u2022 0:00:00 52.20it/s",
        bar.format(1, 1, "train_loss: 0.8 val_loss: 0.7"), bar.format(1, 4, "train_loss: 0.5 val_loss: 0.7"),
        bar.format(1, 4, "train_loss: 0.5 val_loss: 0.6"),
    )  # fmt: skip
    assert losses(events) == {2: 0.9, 4: 0.8, 5: 0.8, 8: 0.5}
    assert [(epoch, metrics["val_loss"]) for epoch, _, metrics in epochs(events)] == [(1, 0.7), (2, 0.6)]


def test_a_validation_before_the_first_step_ends_no_epoch() -> None:
    _, events = run_of("step 0: train loss 4.5, val loss 4.4", "step 100: train loss 3.3, val loss 2.9")
    assert losses(events) == {0: 4.5, 100: 3.3}
    assert [(epoch, step, metrics["val_loss"]) for epoch, step, metrics in epochs(events)] == [(1, 100, 2.9)]
    first = next(each for each in events if isinstance(each, ev.Scalars))
    assert (first.steps, first.values["val_loss"]) == ([0], [4.4])


def test_an_epoch_in_words_ends_once() -> None:
    _, events = run_of("epoch 1 loss 0.9", "  val loss 0.8", "epoch 2 loss 0.7", "epoch 3 loss 0.5")
    assert losses(events) == {1: 0.9, 2: 0.7, 3: 0.5}
    assert [(epoch, step) for epoch, step, _ in epochs(events)] == [(1, 1), (2, 2), (3, 3)]


def test_a_loss_that_is_not_finite_is_kept_as_null() -> None:
    _, events = run_of("step 1 loss nan", "step 2 loss inf")
    scalars = [each for each in events if isinstance(each, ev.Scalars)]
    assert scalars[0].values["train_loss"] == [None, None]
    assert scalars[0].not_finite == {"train_loss": {0: "nan", 1: "inf"}}


def test_commands_that_need_the_inside_of_the_script_are_refused() -> None:
    run, events = run_of("loss 0.5")
    run.obey(cmd.Pause(id="a"))
    run.obey(cmd.Note(id="b", text="here"))
    refused, noted = events[-2:]
    assert isinstance(refused, ev.Refused)
    assert "only its output is read" in refused.reason
    assert isinstance(noted, ev.Noted)
    assert (noted.text, noted.step) == ("here", 1)
