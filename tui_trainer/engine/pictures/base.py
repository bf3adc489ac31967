"""The base class of everything that takes one kind of picture of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from tui_trainer.components.pictures import PictureSpec
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.engine.steps.optimizer_handle import OptimizerHandle
from tui_trainer.engine.train_state import TrainState
from tui_trainer.protocol.pictures import AnyDrawing

Choice = TypeVar("Choice", bound=PictureSpec)
Numbers = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class PictureContext:
    """The parts of a run that pictures are taken of."""

    config: RunConfig
    setup: TrainingSetup
    optimizer: OptimizerHandle
    state: TrainState


@dataclass(frozen=True, slots=True)
class PictureResult:
    """A drawing, and the numbers that a check or a user reads off it."""

    drawing: AnyDrawing
    numbers: Numbers


class PictureSource(Generic[Choice]):
    """Takes one kind of picture and changes nothing in the run: no weight, gradient, generator or running average.

    Created when the run is set up, while the model has its first weights.
    """

    uses_steps: ClassVar[bool] = False
    """Whether `on_step` has to be called after every step."""
    skipped: bool = False
    """Whether the last `take` left the picture out to save time, so that it is still due at the end."""

    def __init__(self, choice: Choice, context: PictureContext) -> None:
        """Prepare for the picture that `choice` describes. Raises `UserError` if it is not possible for this run."""
        self.choice = choice
        self.context = context
        self.config = context.config
        self.setup = context.setup
        self.optimizer = context.optimizer
        self.state = context.state

    def on_step(self) -> None:
        """Look at the step that was just taken."""

    def take(self) -> PictureResult | None:
        """Return the picture as of now; None if there is nothing to see yet."""
        raise NotImplementedError

    def state_dict(self) -> Any:
        """Return plain values and tensors that later pictures need from earlier ones."""
        return None

    def load_state_dict(self, state: Any) -> None:
        """Continue from what `state_dict` returned."""
