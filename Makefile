# `make run` trains and `make test` tests. Every target installs what it needs, once.

# The first Python that runs, is new enough and can make a virtual environment; say `make PYTHON=...` for another.
SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	"$$name" -c '$(SUITS)' 2>/dev/null && echo "$$name" && break; done)
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml constraints.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# Two workers, because the tests of the screen wait as often as they compute. `make test ARGS=tests/ui` runs some of them.
PYTEST := env -u PYTHONUNBUFFERED $(BIN)/python -m pytest --numprocesses 2

.PHONY: run test test-all soak check format clean

run: $(VENV)/.installed
	@$(BIN)/tui-trainer run $(ARGS)

# Every kind of test, in a few minutes.
test: $(VENV)/.installed-dev
	@$(PYTEST) -m "not long" $(ARGS)

# What `make test` leaves out: longer storms, every stress attack, more of the lecture.
test-all: $(VENV)/.installed-dev
	@$(PYTEST) -m long --durations=20 $(ARGS)

# Stress attacks, round after round until MINUTES have passed. SEED repeats the rounds of an earlier soak.
MINUTES ?= 60
SEED ?= $(shell date +%s)
soak: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.stress.chaos --soak --minutes $(MINUTES) --seed $(SEED) $(ARGS)

# Format, lint, types and import contracts.
check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.installed: $(SOURCES)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv and pip is needed, and none of python3, python3.13, python3.12, python3.11 is one" >&2; exit 1; }
	@echo "setting up $(VENV) (once; a minute or two)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable . >&2
	@$(BIN)/python -m compileall -q tui_trainer
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) --editable '.[dev,mnist]' >&2
	@touch $@

clean:
	rm -rf $(VENV) build dist
