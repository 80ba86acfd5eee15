# make demo, make test: set up .venv and run. Needs Python 3.11+ (PYTHON=... to choose one) and make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint seeds bench clean

demo: $(READY)
	$(BIN)/grade reference --seed 1 --report text=-
	$(BIN)/grade student_template --seed 1 --report text=-
	$(BIN)/grade tests/submissions/fails_model_update --seed 1 --report text=-

test: $(READY)
	$(BIN)/python -m pytest -n 3

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Every correct style in 50 seeds: nothing may lose a point (about 2 minutes); the rest of the wrong rules.
seeds: $(READY)
	$(BIN)/python -m pytest -n 2 -m soak
	$(BIN)/python -m tests.seeds

# Whole process against plain pytest in one process (about a minute).
bench: $(READY)
	$(BIN)/python -m tests.bench

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=...") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv
