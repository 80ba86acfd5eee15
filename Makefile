# make demo, make test: set up .venv and run. Needs Python 3.11+ (PYTHON=... to choose one) and make.
PYTHON ?= python3
BIN := .venv/bin
export OPENBLAS_NUM_THREADS := 1
unexport PYTHONDONTWRITEBYTECODE # compiled modules are kept, or each process of a run compiles them again
READY := .venv/.ready

.PHONY: demo test pages package lint messages coverage mutation security fuzz seeds validity bench clean

demo: $(READY)
	$(BIN)/grade reference --seed 1 --report text=-
	$(BIN)/grade student_template --seed 1 --report text=-
	$(BIN)/grade tests/submissions/fails_model_update --seed 1 --report text=-

test: $(READY)
	$(BIN)/python -m pytest -n 3 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.recipes

# Catalogues of grader/locale: new messages of the code, and compiled.
messages: $(READY)
	$(BIN)/python -m tests.messages

# Branch coverage of grader/ and reference/ by the tests, without the one that measures time (3 minutes).
coverage: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 3 --dist loadfile -m "not soak and not security and not browser and not package" \
		--deselect tests/test_pages.py::test_rendering_is_fast
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Changes of a module that its tests do not notice, of 300 drawn ones each (15 minutes).
mutation: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,mutation]'
	$(BIN)/python -m tests.mutation 300

# All attacks with their controls, the policy of the sandbox as the kernel sees it, machines that offer less (a minute).
security: $(READY)
	$(BIN)/python -m pytest -n 5 --dist worksteal -m "security or not security" tests/test_attacks.py tests/test_policy.py \
		tests/test_degraded.py tests/test_unearned.py

# The pages in the system's Chromium (half a minute): axe-core, console, network, keyboard, sorting.
pages: $(READY)
	NO_SKIPS=1 $(BIN)/python -m pytest -n 2 -m browser tests/test_pages.py

# Wheel and sdist, installed into clean environments of each Python that is here, and with the lowest versions (2 minutes).
package: $(READY)
	$(BIN)/python -m pytest -m package tests/test_package.py

# 2,000 malformed hand-ins (2 minutes).
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz

# Every correct style in 50 seeds, every sample through the installed command, all wrong rules (4 minutes).
seeds: $(READY)
	$(BIN)/python -m pytest -n 2 -m "soak or wide"
	$(BIN)/python -m tests.seeds

# Correct work, every mistake of the bank, two at once, free-form files; writes docs/validity.md (an hour).
validity: $(READY)
	$(BIN)/python -m tests.validity

# Beside plain pytest, gradescope-utils, check50, nbgrader and otter, each installed in .bench; writes docs/benchmark.md
# (about 25 minutes on a quiet machine).
bench: $(READY)
	$(BIN)/python -m tests.bench

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=...") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m compileall -q grader
	touch $@

clean:
	rm -rf .venv .bench
