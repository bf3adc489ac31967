"""What takes one kind of picture of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from tui_trainer.components.pictures import PictureSpec
from tui_trainer.protocol.pictures import AnyDrawing

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer

Choice = TypeVar("Choice", bound=PictureSpec)
Numbers = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class PictureResult:
    """A drawing, and the numbers that a check or a person reads off it."""

    drawing: AnyDrawing
    numbers: Numbers


class PictureSource(Generic[Choice]):
    """Looks at a trainer and changes nothing of it: no weight, no gradient, no generator, no running average.

    It is made when the trainer is set up, while the weights are the first ones.
    """

    follows: ClassVar[bool] = False
    """Whether `follow` wants to be called after every step."""

    def __init__(self, choice: Choice, trainer: Trainer) -> None:
        """Raises `UserError` where such a picture cannot be taken of what was built."""
        self.choice = choice
        self.trainer = trainer

    def follow(self) -> None:
        """Look at the step that was just taken."""

    def take(self) -> PictureResult | None:
        """The picture as of now; None while there is nothing to see."""
        raise NotImplementedError

    def dump(self) -> Any:
        """What a later picture needs of earlier ones, for a checkpoint: plain values and tensors."""
        return None

    def load(self, held: Any) -> None:
        """Go on from what `dump` gave."""
