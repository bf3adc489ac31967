"""All pictures of one run: when they are taken, and how it is made sure that they leave no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from tui_trainer.engine import run_events
from tui_trainer.engine.pictures.activation import ActivationPicture
from tui_trainer.engine.pictures.answers import ConfidencePicture, ConfusionPicture, LogitsPicture, PredictedPicture
from tui_trainer.engine.pictures.base import PictureSource
from tui_trainer.engine.pictures.boundary import BoundaryPicture
from tui_trainer.engine.pictures.coverage import CoveragePicture
from tui_trainer.engine.pictures.effective_step import EffectiveStepPicture
from tui_trainer.engine.pictures.gradient_noise import GradientNoisePicture
from tui_trainer.engine.pictures.gradient_norms import GradientNormsPicture
from tui_trainer.engine.pictures.layers import LayersPicture
from tui_trainer.engine.pictures.memory import MemoryPicture
from tui_trainer.engine.pictures.output_gradient import OutputGradientPicture
from tui_trainer.engine.pictures.path import PathPicture
from tui_trainer.engine.pictures.singular_values import SingularValuesPicture
from tui_trainer.protocol.pictures import taken

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer

CAMERAS: dict[str, type[PictureSource[Any]]] = {
    "activation": ActivationPicture,
    "layers": LayersPicture,
    "singular-values": SingularValuesPicture,
    "logits": LogitsPicture,
    "confidence": ConfidencePicture,
    "predicted": PredictedPicture,
    "confusion": ConfusionPicture,
    "boundary": BoundaryPicture,
    "path": PathPicture,
    "coverage": CoveragePicture,
    "gradient-noise": GradientNoisePicture,
    "memory": MemoryPicture,
    "effective-step": EffectiveStepPicture,
    "gradient-norms": GradientNormsPicture,
    "output-gradient": OutputGradientPicture,
}
"""The camera of each kind of picture."""


class PictureRecorder:
    """Takes the pictures that a run asks for, at moments that depend on nothing but the run.

    Args:
        trainer: just set up, its weights the first ones.

    Raises:
        UserError: a picture cannot be taken of what was built.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._cameras: dict[str, PictureSource[Any]] = {
            shot.kind: CAMERAS[shot.kind](shot, trainer) for shot in trainer.config.pictures
        }
        self._at: dict[str, int] = {}
        """The step at which each was last taken."""
        self.follows = any(camera.follows for camera in self._cameras.values())
        """Whether `follow` wants to be called after every step."""

    def begin(self) -> None:
        """The run is about to take its first step; one that goes on from a checkpoint has its pictures already."""
        self._take([name for name in self._cameras if not self._at])

    def follow(self) -> None:
        """A step was taken."""
        for name in [name for name, camera in self._cameras.items() if camera.follows]:
            try:
                self._cameras[name].follow()
            except Exception as error:  # noqa: BLE001 - no picture may end a run
                self._drop(name, error)

    def epoch_ended(self) -> None:
        """An epoch was trained and validated."""
        trainer = self._trainer
        self._take(
            name for name, camera in self._cameras.items() if camera.choice.is_due(trainer.epoch, trainer.epochs)
        )

    def end(self) -> None:
        """Training is over; the weights are still those of its last step."""
        names = [name for name, camera in self._cameras.items() if not camera.choice.once]
        self._take(name for name in names if self._at.get(name) != self._trainer.step)

    def dump(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"at": dict(self._at), "held": {name: camera.dump() for name, camera in self._cameras.items()}}

    def load(self, held: dict[str, Any]) -> None:
        """Go on from what `dump` gave."""
        self._at = {name: int(step) for name, step in held.get("at", {}).items()}
        for name, camera in self._cameras.items():
            if held.get("held", {}).get(name) is not None:
                camera.load(held["held"][name])

    def _take(self, names: Any) -> None:
        trainer, chosen = self._trainer, list(names)
        if not chosen:
            return
        device = trainer.shop.device
        trainer.watch.stop()
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices, device_type="cuda"):
            for name in chosen:
                try:
                    found = self._cameras[name].take()
                except Exception as error:  # noqa: BLE001 - no picture may end a run
                    self._drop(name, error)
                    continue
                self._at[name] = trainer.step
                if found is not None:
                    event = taken(name, found.drawing, found.numbers, step=trainer.step, epoch=trainer.epoch)
                    trainer.publish(event)
        trainer.watch.start()

    def _drop(self, name: str, error: Exception) -> None:
        """Go on without a picture that cannot be taken, and say so once."""
        del self._cameras[name]
        self.follows = any(camera.follows for camera in self._cameras.values())
        self._trainer.log(f"no more pictures of {name}: {run_events.in_words(error)}")
