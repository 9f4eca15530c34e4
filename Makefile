# From nothing: `make demo` shows a verdict, `make test` proves the lab. Both set up what is missing, and only that.
SHELL := /bin/bash
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready
APT := apt-get install -y -qq -o DPkg::Lock::Timeout=300

.PHONY: demo test test-fast lint setup engine bytecode lock clean accuracy bench

demo: engine  ## one real situation; the verdict is the lab's result, not ours
	@$(BIN)/lab run scenarios/congested.yaml; status=$$?; case $$status in 0|1|3) ;; *) exit $$status ;; esac

test: setup lint  ## the CI set: everything, real containers and the real server included
	$(BIN)/pytest

test-fast: bytecode lint  ## about a minute on two cores, all of them used: no container, no network
	$(BIN)/pytest -n auto --dist loadfile tests/unit tests/replay tests/cli

accuracy: setup  ## how often the verdict is wrong: 300 runs and 102 harness faults in 2.5 h, resumed where it stopped; QUICK=1: 20 in 6 minutes
	$(BIN)/python -m tests.accuracy run $(if $(QUICK),--quick)
	$(if $(QUICK),,$(BIN)/python -m tests.accuracy blind)

bench: setup  ## what a lab costs, as ratios: results/bench.json and docs/performance.md; 35 minutes, NAMES="run lanes" for some
	@command -v tshark >/dev/null || { echo "installing tshark: packets per second are measured against it" >&2; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(APT) --no-install-recommends tshark; }
	$(BIN)/python -m tests.bench $(NAMES)

lint: $(READY)
	$(BIN)/ruff check lab tests
	$(BIN)/ruff format --check lab tests
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: engine  ## images and saved VM states, ahead of the first run
	@$(BIN)/lab setup

engine: bytecode  ## a container engine, if none answers
	@$(BIN)/python -m lab.host.install

bytecode: $(READY)  ## also where Python is told to leave none (PYTHONDONTWRITEBYTECODE): a run starts 0.3 s sooner
	@$(BIN)/python -m compileall -q lab

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "lab needs Python 3.11, 3.12 or 3.13 (here: $$(python3 --version 2>&1)):" \
		"apt-get install python3.11 python3.11-venv" >&2; exit 4; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "installing $(PYTHON)-venv: $(PYTHON) cannot make .venv" >&2; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(APT) $(PYTHON)-venv; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

lock:  ## resolve the dependencies anew, for every Python that lab runs on
	tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && $(PYTHON) -m venv "$$tools" && "$$tools/bin/pip" install --quiet uv \
		&& env -u UV_FIND_LINKS "$$tools/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra dev pyproject.toml -o requirements.lock

clean:  ## what dead labs left behind, and caches; results, images and .venv stay
	$(BIN)/lab clean
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
