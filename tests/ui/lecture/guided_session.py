"""A session whose runs obey the pauses of a lesson: they train up to a step at once, and wait there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.ui.fake_session import FakeSession, loss, started
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev


@dataclass
class Course:
    """One run: the steps of an epoch, its epochs, its configuration, and the pictures that it takes."""

    per_epoch: int
    epochs: int
    config: Mapping[str, Any]
    pictures: Sequence[ev.PictureTaken] = ()
    ends: int = 0
    """The step at which it ends early; 0 for the last one."""
    step: int = 0

    @property
    def last(self) -> int:
        """The last step."""
        return min(self.ends or self.per_epoch * self.epochs, self.per_epoch * self.epochs)


class GuidedSession(FakeSession):
    """Trains by formula, between the commands of a lesson."""

    def __init__(self, courses: Mapping[str, Course], group: str = "group") -> None:
        names = {f"{group}/{name}" if name else group: course for name, course in courses.items()}
        super().__init__(*names)
        self.courses = names
        for run, course in names.items():
            begun = started(
                "A lesson", config=dict(course.config), steps_per_epoch=course.per_epoch, epochs=course.epochs
            )
            self.play(begun, *self._pictures(course), ev.StatusChanged(status="paused"), run=run)

    def send(self, command: cmd.AnyCommand) -> None:
        super().send(command)
        for run in [command.run] if command.run != cmd.ALL_RUNS else list(self.courses):
            if isinstance(command, cmd.Resume):
                self.train(run, command.until)
            elif isinstance(command, cmd.Stop):
                self.play(ev.RunFinished(reason="stopped", step=self.courses[run].step), run=run)

    def train(self, run: str, until: int | None) -> None:
        """Train a run up to a step, where it waits, or to its end."""
        course = self.courses[run]
        last = course.last if until is None else min(until, course.last)
        steps = list(range(course.step + 1, last + 1))
        self.play(ev.StatusChanged(status="running"), run=run)
        if steps:
            values: dict[str, list[float | None]] = {
                name: [loss(step) for step in steps] for name in ("train_loss", "grad_norm", "suboptimality")
            }
            values["lr"] = [0.1] * len(steps)
            seconds = [step / 100 for step in steps]
            self.play(ev.Scalars(step=last, steps=steps, seconds=seconds, values=values), run=run)
        for epoch in range(course.step // course.per_epoch + 1, last // course.per_epoch + 1):
            step = epoch * course.per_epoch
            metrics: dict[str, float | None] = {
                "train_loss": loss(step),
                "val_loss": loss(step),
                "val_accuracy": 1 - loss(step) / 3,
                "val_suboptimality": loss(step),
            }
            self.play(ev.EpochEnded(step=step, epoch=epoch, seconds=step / 100, metrics=metrics), run=run)
        course.step = last
        self.play(*self._pictures(course), run=run)
        if until is None or last == course.last:
            self.play(ev.RunFinished(reason="completed", step=last, epoch=last // course.per_epoch), run=run)
        else:
            self.play(ev.StatusChanged(status="paused"), run=run)

    def _pictures(self, course: Course) -> list[ev.PictureTaken]:
        return [picture.model_copy(update={"step": course.step}) for picture in course.pictures]
