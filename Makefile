# Everything a newcomer types: make demo, make test. The rest is for contributors.
PYTHON ?= python3.13
VENV   := .venv
BIN    := $(VENV)/bin
NODE   := tests/end_to_end/node

.PHONY: setup client demo test check bench bench-stats soak clean
setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) with its venv module is missing; install it, or name another with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup  ## a canary caught and rolled back, and one promoted, in about a minute
	$(BIN)/canary demo

client: $(NODE)/node_modules/ready  ## the npm client library that the end-to-end tests use

$(NODE)/node_modules/ready: $(NODE)/package.json
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "the tests use a client library from npm; install Node.js with npm (Debian: apt-get install nodejs npm)"; exit 1; }
	npm install --prefix $(NODE) --no-package-lock --no-audit --no-fund
	touch $@

test: setup client check  ## lint, types and all tests
	$(BIN)/pytest --numprocesses 3 --dist worksteal  # many wait: one more than small machines have cores

check: setup  ## lint and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup  ## the data path beside its peers, as ratios within one run; what watching costs
	$(BIN)/python -m bench.data_path
	$(BIN)/python -m bench.dashboard

SECONDS ?= 600
soak: setup  ## steady traffic with faults; what grows or goes astray: make soak SECONDS=300
	$(BIN)/python -m bench.soak --seconds $(SECONDS)

bench-stats: setup  ## error rates and delays of the gate, by simulation
	$(BIN)/python -m bench.stats

clean:
	rm -rf $(VENV) $(NODE)/node_modules .canary .pytest_cache .mypy_cache .ruff_cache .hypothesis
