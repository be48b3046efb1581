PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: install demo test check conformance browser bench fuzz documents format full clean

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

install: $(VENV)/.installed

demo: install
	$(BIN)/yizhao demo $(ARGS)

test: install
	$(BIN)/python -m pytest -n 2 -m "not conformance and not browser and not interop"

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m signing.inventory --check

conformance: install
	$(BIN)/python -m pytest -n 2 -m "conformance or interop"

browser: install
	$(BIN)/python -m pytest -m browser

bench: install
	for part in signing sealing verifying; do $(BIN)/python -m tests.bench.$$part $(ARGS) || exit 1; done

fuzz: install
	$(BIN)/python tests/fuzz/fuzz_run.py --seconds 60 $(ARGS)

documents: install
	$(BIN)/python -m signing.inventory
	$(BIN)/python tests/interop/interop_document.py

full: check test conformance browser

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache
