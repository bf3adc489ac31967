"""Run by Python itself at the start of a watched script: waits for torch or Keras, then for the first step.

Nothing is imported but what every Python has. A `sitecustomize` that is there already runs as before.
"""

# pyright: basic, reportOptionalMemberAccess=false
# It is run by the Python of the script, whichever that is: no annotations, and nothing newer than f-strings.

import os
import sys

_TORCH = "torch.optim.optimizer"
_KERAS = "keras.src.optimizers.base_optimizer"


class _AfterOptimizers:
    """Finds the modules with the optimizers of torch and Keras as before, and sets the hooks once one is loaded."""

    def __init__(self):
        self.left = {_TORCH: _set_hooks, _KERAS: _set_keras_hooks}

    def find_spec(self, name, path=None, target=None):
        """Return the spec of such a module, whose loader sets the hooks afterwards; None for any other."""
        set_hooks = self.left.pop(name, None)
        if set_hooks is None:
            return None
        from importlib.util import find_spec

        spec = find_spec(name)
        loader = spec.loader if spec is not None else None
        if loader is None or not hasattr(loader, "exec_module"):
            return spec
        run = loader.exec_module

        def exec_module(module):
            run(module)
            set_hooks(module)

        try:
            loader.exec_module = exec_module
        except AttributeError:
            return spec
        return spec


class _Hooks:
    """The hooks of all optimizers of this process: the first step asks to be the run."""

    def __init__(self, module):
        self.module = module
        self.asked = False
        self.agent = None

    def before(self, optimizer, *_):
        """Take in that a step begins."""
        if self._asks(optimizer):
            self.agent.before(optimizer)

    def after(self, optimizer, *_):
        """Take in that a step was taken."""
        if self.agent is not None:
            self.agent.after(optimizer)

    def around(self, apply):
        """Return the method of Keras that takes a step, with the hooks around it."""
        from functools import wraps

        @wraps(apply)
        def watched(optimizer, grads, *args, **kwargs):
            if self._asks(optimizer):
                grads = list(grads)
                self.agent.before_apply(optimizer, grads)
            done = apply(optimizer, grads, *args, **kwargs)
            if self.agent is not None:
                self.agent.after_apply(optimizer)
            return done

        return watched

    def _asks(self, optimizer):
        """Return whether this process is the run; the first call asks."""
        if not self.asked:
            self.asked = True
            self.agent = _agent(optimizer, self.module)
        return self.agent is not None


def _set_hooks(module):
    if hasattr(module, "register_optimizer_step_post_hook"):  # not in a torch before 2.0
        hooks = _Hooks("tui_trainer.watching.agent")
        module.register_optimizer_step_pre_hook(hooks.before)
        module.register_optimizer_step_post_hook(hooks.after)


def _set_keras_hooks(module):
    """Set the hooks of Keras 3 on its torch backend; on the others a step is compiled, and its output is read."""
    optimizer = getattr(module, "BaseOptimizer", None)
    backend = getattr(module, "backend", None)
    if hasattr(optimizer, "apply") and hasattr(backend, "backend") and backend.backend() == "torch":
        optimizer.apply = _Hooks("tui_trainer.watching.keras_agent").around(optimizer.apply)


def _agent(optimizer, module):
    """Return the part that makes this process the run; what fails there is said, and ends nothing."""
    root = os.environ.get("TUI_TRAINER_PACKAGE", "")
    added = False
    try:
        try:
            import tui_trainer  # noqa: F401
        except ImportError:
            sys.path.append(root)
            added = True
        from importlib import import_module

        return import_module(module).begin(optimizer)
    except Exception as error:  # noqa: BLE001
        if added and root in sys.path:
            sys.path.remove(root)
        reason = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"tui-trainer: only the output of this training is watched: {reason}\n")
        return None


def _chain():
    """Run the `sitecustomize` that this one stands in front of."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if entry])
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if os.environ.get("TUI_TRAINER_WATCH") and os.environ.get("TUI_TRAINER", "").strip().lower() not in (
    "off",
    "0",
    "false",
    "no",
):
    sys.meta_path.insert(0, _AfterOptimizers())
_chain()
