"""The one place that measures around a training step: gradient norm and clipping, layers, probe, metric."""

from __future__ import annotations

from torch import Tensor

from tui_trainer.engine.guarding.firing import asks_to_skip
from tui_trainer.engine.guarding.taken_back import StepBefore
from tui_trainer.engine.monitoring import layer_stats
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.steps.autograd import AutogradStep
from tui_trainer.engine.steps.base import StepFunction
from tui_trainer.engine.steps.clipping import clip_gradients
from tui_trainer.engine.steps.closure import ClosureStep
from tui_trainer.engine.steps.parameter_groups import rates_of
from tui_trainer.engine.train_state import TrainState
from tui_trainer.user_log import ACTIVE

TOKENS = "axis/tokens"
"""Series of the symbols that a language model was trained on so far, measured with the gradient norm."""


class MeasuredStep:
    """Takes one step with the present optimizer and records what is due at that step.

    Args:
        state: tells the step and the clipping threshold.
        services: the optimizer, and what receives the measurements.
    """

    def __init__(self, state: TrainState, services: TrainingServices) -> None:
        self._state = state
        self._services = services
        self._optimizer = services.optimizer
        self._setup = services.setup
        self._average = services.setup.average
        self._layers = services.setup.layers
        self._parameters = services.setup.parameters
        self._recorder = services.recorder
        self._metric = services.metric
        self._prober = services.step_prober
        self._optimality = services.optimality
        self._norm_every = services.config.training.norm_every
        self._layers_every = services.config.training.layers_every
        data = services.setup.data
        self._tokens = data.shape.inputs[0] if data.shape.task == "language" else 0
        self._choose_step_function()

    norm: Tensor | None = None
    """The gradient norm of the last step, where a guard compares it."""

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor | None:
        """Train on one batch. Returns the loss before the step, detached, still on the device.

        Returns:
            None where a guard asks for the step not to be taken: all is as before the batch, and its command waits.
        """
        if (
            self._optimizer.torch_optimizer is not self._chosen_for
            or self._setup.forward_backward is not self._chosen_passes
        ):
            self._choose_step_function()
        step, every = self._state.step, self._layers_every
        self._probe = self._prober.begin(step) if self._one_gradient else None
        self._skips = self._state.skip_at == step
        watched = self._skips or (self._one_gradient and bool(self._state.guards.skipping))
        untaken = StepBefore(self._setup) if watched else None
        before = layer_stats.weights_before(self._layers) if every and step % every == 0 and not self._skips else None
        self._first_gradients: list[Tensor | None] | None = None
        self._keeps_gradients = before is not None and not self._one_gradient
        ACTIVE.receive = step_log = self._recorder.step_log
        try:
            result = self._step_function(inputs, targets, self._on_gradients)
        finally:
            ACTIVE.receive = None
        if untaken is not None and self._left:
            untaken.restore(step_log, generators=not self._skips)
            if not self._skips:
                return None
            self._probe = before = None
        if step_log:
            self._recorder.add_logged(step + 1, step_log.take())
        if self._tokens:
            samples = len(inputs) if self._setup.share is None else self._setup.share.samples
            tokens = step_log.count(TOKENS, samples * self._tokens)
            if step % self._norm_every == 0:
                self._recorder.add_logged(step + 1, {TOKENS: tokens})
        if result.evaluations > 1:
            self._optimality.evaluated(result.evaluations)
        if self._probe is not None:
            self._recorder.add_probe(step + 1, self._probe.after_step(inputs, targets, result.loss))
        if before is not None:
            self._restore_first_gradients()
            self._recorder.add_layers(step + 1, self._layers, layer_stats.measure(self._layers, before))
        if self._has_groups and step % self._norm_every == 0:
            self._recorder.add_logged(step + 1, dict(rates_of(self._chosen_for)))
        if self._skips:
            self._recorder.leave_out(step + 1)
            return result.loss
        if self._average is not None:
            self._average.update()
        self._metric.add(result.outputs, targets)
        return result.loss

    def _choose_step_function(self) -> None:
        setup, optimizer = self._setup, self._optimizer
        self._chosen_for, self._chosen_passes = optimizer.torch_optimizer, setup.forward_backward
        self._step_function: StepFunction
        if optimizer.description.needs_closure:
            self._step_function = ClosureStep(
                setup.plain_forward, setup.objective, self._parameters, optimizer.torch_optimizer
            )
        else:
            self._step_function = AutogradStep(
                setup.forward_backward, optimizer.torch_optimizer, optimizer.step, setup.scaler
            )
        self._one_gradient = self._step_function.one_gradient
        self._has_groups = bool(rates_of(optimizer.torch_optimizer))

    def _on_gradients(self, loss: Tensor) -> bool:
        """Measure the gradients of the batch, and clip them, before a weight moves. Returns True to leave the step."""
        self._left = self._skips or (self._one_gradient and self._is_unwanted(loss))
        if self._left:
            return True
        if self._one_gradient:
            self._prober.check_loss(loss)
            if self._probe is not None:
                self._probe.before_step()
        clip, is_due = self._state.clip, self._state.step % self._norm_every == 0
        if clip or is_due or self._state.guards.needs_norm:
            self.norm = norm = clip_gradients(self._parameters, clip) if clip else self._measured_norm()
            if clip or is_due:
                self._recorder.add_norm(self._state.step + 1, norm)
        if self._keeps_gradients:
            self._first_gradients = [p.grad.clone() if p.grad is not None else None for p in self._parameters]

        return False

    def _measured_norm(self) -> Tensor:
        return layer_stats.measured_norm_of(layer_stats.gradients_of(self._parameters))

    def _is_unwanted(self, loss: Tensor) -> bool:
        """Return whether a guard takes the gradients of this batch away."""
        if not self._state.guards.skipping:
            return False
        values = {"train_loss": float(loss.detach())}
        if self._state.guards.needs_norm:
            values["grad_norm"] = float(self._measured_norm())
        if self._services.ranks is not None:
            values = self._services.ranks.measured(values)
        return asks_to_skip(self._state, self._services, values)

    def _restore_first_gradients(self) -> None:
        """Measure layers by the gradient where the step began, also where the step evaluated others after it."""
        if self._first_gradients is not None:
            for parameter, gradient in zip(self._parameters, self._first_gradients, strict=True):
                parameter.grad = gradient
