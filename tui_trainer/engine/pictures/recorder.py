"""The pictures of one run: when they are taken, and that taking them changes nothing in the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from tui_trainer.engine.answers.answering import Question, answer
from tui_trainer.engine.answers.histograms import HistogramsPicture
from tui_trainer.engine.answers.picture import AnswersPicture
from tui_trainer.engine.events.error_text import describe_error
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.pictures.activation import ActivationPicture
from tui_trainer.engine.pictures.answers import ConfidencePicture, ConfusionPicture, LogitsPicture, PredictedPicture
from tui_trainer.engine.pictures.base import PictureContext, PictureSource
from tui_trainer.engine.pictures.boundary import BoundaryPicture
from tui_trainer.engine.pictures.coverage import CoveragePicture
from tui_trainer.engine.pictures.effective_step import EffectiveStepPicture
from tui_trainer.engine.pictures.gradient_noise import GradientNoisePicture
from tui_trainer.engine.pictures.gradient_norms import GradientNormsPicture
from tui_trainer.engine.pictures.layers import LayersPicture
from tui_trainer.engine.pictures.lessons.backprop import BackpropPicture, GradientCheckPicture
from tui_trainer.engine.pictures.lessons.fit import FitPicture
from tui_trainer.engine.pictures.lessons.forgetting import ForgettingPicture
from tui_trainer.engine.pictures.lessons.hessian import HessianEigenvalues
from tui_trainer.engine.pictures.memory import MemoryPicture
from tui_trainer.engine.pictures.output_gradient import OutputGradientPicture
from tui_trainer.engine.pictures.path import PathPicture
from tui_trainer.engine.pictures.singular_values import SingularValuesPicture
from tui_trainer.errors import UserError
from tui_trainer.protocol.commands import ShowAnswers
from tui_trainer.protocol.pictures import ANSWERS, taken

PICTURE_SOURCES: dict[str, type[PictureSource[Any]]] = {
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
    "histograms": HistogramsPicture,
    "forgetting": ForgettingPicture,
    "fit": FitPicture,
    "hessian": HessianEigenvalues,
    "backprop": BackpropPicture,
    "gradient-check": GradientCheckPicture,
    ANSWERS: AnswersPicture,
}
"""The class that takes each kind of picture."""


class PictureRecorder:
    """Takes the pictures that a run is configured for, at moments that depend on nothing but the run.

    Args:
        context: the run, just set up, its model at its first weights.
        events: receives the pictures.

    Raises:
        UserError: a picture is not possible for this run.
    """

    def __init__(self, context: PictureContext, events: EventStream) -> None:
        self._context = context
        self._state = context.state
        self._device = context.setup.device
        self._events = events
        self._sources: dict[str, PictureSource[Any]] = {
            spec.kind: PICTURE_SOURCES[spec.kind](spec, context) for spec in context.config.pictures
        }
        self._taken_at: dict[str, int] = {}
        """The step at which each was last taken."""
        self.has_step_sources = any(source.uses_steps for source in self._sources.values())
        """Whether `on_step` has to be called after every step."""

    def begin(self) -> None:
        """Take the first pictures, before the first step; a resumed run has them already."""
        self._take([name for name in self._sources if not self._taken_at])

    def on_step(self) -> None:
        """Let pictures of single steps look at the step just taken."""
        for name in [name for name, source in self._sources.items() if source.uses_steps]:
            try:
                self._sources[name].on_step()
            except Exception as error:  # noqa: BLE001 - no picture may end a run
                self._drop(name, error)

    def epoch_ended(self) -> None:
        """Take the pictures that are due after an epoch was trained and validated."""
        state = self._state
        self._take(name for name, source in self._sources.items() if source.choice.is_due(state.epoch, state.epochs))

    def end(self) -> None:
        """Take the last pictures, while the weights are still those of the last step."""
        lasting = {name: source for name, source in self._sources.items() if not source.choice.once}
        step = self._state.step
        self._take(name for name, source in lasting.items() if self._taken_at.get(name) != step or source.skipped)

    def answer(self, command: ShowAnswers) -> None:
        """Publish the answers that a command asks for; what the run is configured to record does not change by it.

        Raises:
            UserError: the question does not fit this run, or the model cannot answer it.
        """
        state, context = self._state, self._context
        question = Question(command.samples, command.row, command.prompt, command.worst)
        state.timer.stop()
        try:
            picture = answer(context.setup, context.config, question)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"the model could not answer: {describe_error(error)}") from error
        finally:
            state.timer.start()
        source = self._sources.get(ANSWERS)
        if isinstance(source, AnswersPicture):
            source.question = question
        self._events.publish(
            taken(ANSWERS, picture.drawing, picture.numbers, step=state.step, epoch=state.epoch, cause=command)
        )

    def state_dict(self) -> dict[str, Any]:
        """Return when pictures were taken, and what later ones need of earlier ones."""
        return {
            "at": dict(self._taken_at),
            "held": {name: source.state_dict() for name, source in self._sources.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._taken_at = {name: int(step) for name, step in state.get("at", {}).items()}
        for name, source in self._sources.items():
            if state.get("held", {}).get(name) is not None:
                source.load_state_dict(state["held"][name])

    def _take(self, names: Iterable[str]) -> None:
        state, due = self._state, list(names)
        if not due:
            return
        state.timer.stop()
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices, device_type="cuda"):
            for name in due:
                try:
                    picture = self._sources[name].take()
                except Exception as error:  # noqa: BLE001 - no picture may end a run
                    self._drop(name, error)
                    continue
                self._taken_at[name] = state.step
                if picture is not None:
                    self._events.publish(
                        taken(name, picture.drawing, picture.numbers, step=state.step, epoch=state.epoch)
                    )
        state.timer.start()

    def _drop(self, name: str, error: Exception) -> None:
        """Take no more pictures of a kind that failed, and log why."""
        del self._sources[name]
        self.has_step_sources = any(source.uses_steps for source in self._sources.values())
        self._events.log(f"no more pictures of {name}: {describe_error(error)}", self._state.step)
