# make demo, make test: set up .venv and run. Needs Python 3.11+ (PYTHON=... to choose one) and make.
PYTHON ?= python3
LOCK := .ci/constraints.txt# the versions of all that is installed; `make test LOCK=` installs the newest
BIN := .venv/bin
export OPENBLAS_NUM_THREADS := 1
unexport PYTHONDONTWRITEBYTECODE # compiled modules are kept, or each process of a run compiles them again

# What is installed, each beside the one before: what grading needs, what the tests need, and all the tools.
KIND := $(if $(LOCK),locked,newest)
GRADING := .venv/.grading-$(KIND)
TESTING := .venv/.testing-$(KIND)
TOOLS := .venv/.tools-$(KIND)
# Variables rather than --constraint: they hold for what builds the grader, too (one for pip before 25.3, one for later).
PIP := PIP_CONSTRAINT=$(LOCK) PIP_BUILD_CONSTRAINT=$(LOCK) $(BIN)/python -m pip install --quiet \
	--disable-pip-version-check --upgrade --upgrade-strategy eager

.PHONY: demo test lock pages package lint messages coverage mutation security fuzz seeds validity bench clean

demo: $(GRADING)
	$(BIN)/grade reference --seed 1 --report text=-
	$(BIN)/grade student_template --seed 1 --report text=-
	$(BIN)/grade tests/submissions/fails_model_update --seed 1 --report text=- --report html=demo.html
	@echo
	@echo "The last report as a page: $$PWD/demo.html"
	@echo "Next:"
	@echo "  $(BIN)/grade --new lab   copies the template to write your own network in"
	@echo "  $(BIN)/grade lab         grades it"
	@echo "  make test                   adds what the tests need, and runs them"

test: $(TESTING)
	$(BIN)/python -m pytest -n 3 --dist loadfile

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/python -m tests.arrows --check
	$(BIN)/python -m tests.recipes

# Catalogues of the grader and its lab: new messages of the code, and compiled.
messages: $(TESTING)
	$(BIN)/python -m tests.messages

# Branch coverage of grader/ and reference/ by the tests (3 minutes).
coverage: $(TOOLS)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 3 --dist loadfile -m "not soak and not security and not browser and not package"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Changes of a module that its tests do not notice, of 300 drawn ones each (15 minutes).
mutation: $(TESTING)
	$(PIP) --editable '.[test,mutation]'
	$(BIN)/python -m tests.mutation 300

# All attacks with their controls, the policy of the sandbox as the kernel sees it, machines that offer less, forged answers (2 minutes).
security: $(TESTING)
	$(BIN)/python -m pytest -n 5 --dist worksteal -m "security or not security" tests/sandbox/test_attacks.py tests/sandbox/test_policy.py \
		tests/sandbox/test_degraded.py tests/sandbox/test_bounds.py tests/lab/test_cheats.py tests/labs/xor/test_unearned.py

# The pages in the system's Chromium (half a minute): axe-core, console, network, keyboard, sorting.
pages: $(TOOLS)
	NO_SKIPS=1 $(BIN)/python -m pytest -n 2 -m browser tests/renderers/test_pages.py

# Wheel and sdist, installed into clean environments of each Python that is here, and with the lowest versions (2 minutes).
package: $(TOOLS)
	$(BIN)/python -m pytest -m package tests/test_package.py

# 2,000 malformed submissions, 60 whose worker's replies are bent, messages of every type (4 minutes).
fuzz: $(TESTING)
	$(BIN)/python -m tests.fuzz
	EXAMPLES=10 $(BIN)/python -m pytest -n 2 tests/sandbox/test_bounds.py -k "bounded or ends or layout"

# Every correct style in 50 seeds, every sample through the installed command, all wrong rules (4 minutes).
seeds: $(TESTING)
	$(BIN)/python -m pytest -n 2 -m "soak or wide"
	$(BIN)/python -m tests.seeds

# Correct work, every mistake of the bank, two at once, free-form files; writes docs/validity.md (an hour).
validity: $(TESTING)
	$(BIN)/python -m tests.validity

# Beside plain pytest, gradescope-utils, check50, nbgrader and otter, each installed in .bench; writes docs/benchmark.md
# (about 25 minutes on a quiet machine).
bench: $(TESTING)
	$(BIN)/python -m tests.bench

# The newest versions into the lock, for every Python and system. Needs uv, which is put into an environment of its own.
lock:
	$(PYTHON) -m venv .venv/uv
	.venv/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	echo editables | .venv/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--no-annotate --no-emit-index-url --custom-compile-command "make lock" pyproject.toml - -o $(LOCK)

$(GRADING): pyproject.toml $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=...") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv .venv
	@rm -f .venv/.grading-* .venv/.testing-* .venv/.tools-*
	@echo "Installing the grader with numpy and pytest into .venv (115 MB) ..."
	@$(PIP) --editable .
	@$(BIN)/python -m compileall -q grader
	@touch $@

$(TESTING): $(GRADING)
	@echo "Adding what the tests need (100 MB) ..."
	@$(PIP) --editable '.[test]'
	@touch $@

$(TOOLS): $(TESTING)
	@echo "Adding linters, types and what drives a browser (310 MB) ..."
	@$(PIP) --editable '.[test,dev]'
	@touch $@

clean:
	rm -rf .venv .bench demo.html
