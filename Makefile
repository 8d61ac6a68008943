# Everything a newcomer types: make demo, make test. The rest is for contributors.
PYTHON ?= python3.13
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: setup demo test check bench bench-stats clean
setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup  ## a canary caught and rolled back, and one promoted, in about a minute
	$(BIN)/canary demo

test: setup check  ## lint, types and all tests
	$(BIN)/pytest --numprocesses 2 --dist worksteal

check: setup  ## lint and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup  ## the data path beside its peers, as ratios within one run
	$(BIN)/python -m bench.data_path

bench-stats: setup  ## error rates and delays of the gate, by simulation
	$(BIN)/python -m bench.stats

clean:
	rm -rf $(VENV) .canary .pytest_cache .mypy_cache .ruff_cache .hypothesis
