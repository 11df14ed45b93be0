# `make test` from a fresh clone sets up and tests everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
NEEDS := pyproject.toml modmap/pyproject.toml dino_depth/pyproject.toml constraints.txt
# Two cores are what the tests are meant for: as many processes, each on one thread, a file of tests at a time.
THREADS ?= 2
# Without compiled modules a process needs ten seconds to import torch and timm, not four, and the tests begin a hundred.
unexport PYTHONDONTWRITEBYTECODE
LIBRARIES := libusb-1.0.so.0:libusb-1.0-0 libGL.so.1:libgl1 libgomp.so.1:libgomp1

.PHONY: help setup system-libraries test lint format clean demo sim3d-mini sim3d-real2real sim3d-synth2real

help: ## What can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 20

setup: $(STAMP) ## Make .venv with both packages, editable, and all development tools

$(STAMP): $(NEEDS) | system-libraries
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt \
		--editable './modmap[all]' --editable './dino_depth[all]' --group dev --group benchmarks
	touch $@

# What open3d and OpenCV load at run time, and the browser that reports are tested in: installed where that can be done
# unasked, else named.
system-libraries:
	@missing=; for pair in $(LIBRARIES); do \
		/sbin/ldconfig -p 2>/dev/null | grep -q "$${pair%%:*}" || missing="$$missing $${pair##*:}"; \
	done; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing="$$missing chromium"; \
	test -z "$$missing" && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update --quiet --quiet && apt-get install --yes --quiet --quiet $$missing >/dev/null; \
	else \
		echo "open3d and the tests of reports need what is missing on this system; install it with:"; \
		echo "    sudo apt-get install$$missing"; \
	fi

test: setup ## Set up, then run every test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(THREADS) --dist loadfile --no-loadscope-reorder $(ARGS)

# A data set of SiM3D's shape: the simulated one is data/sim3d-mini/work.
ifdef SIM3D_ROOT
export SIM3D_ROOT
endif
# More words for the command that a target runs, such as ARGS='--size 224 --cache cache'.
ARGS ?=

demo: setup ## Scan simulated parts, learn a good one of each kind, find the defects of others: minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.demo --workers $(THREADS) $(ARGS)

# Of the simulated data set: work, to choose settings on, or report, on which nothing is ever tuned.
SPLIT ?= work

sim3d-mini: setup ## Make a split of the simulated data set (work; SPLIT=report for the other), and measure its floor
	$(BIN)/python -m benchmarks.cadscan dataset --split $(SPLIT) --workers $(THREADS) $(ARGS)
	$(BIN)/python -m benchmarks.cadscan floor --data data/sim3d-mini/$(SPLIT)

sim3d-real2real: setup ## Table 1: train on the scanned nominal part (SIM3D_ROOT, by default data/SiM3D)
	OMP_NUM_THREADS=$(THREADS) $(BIN)/python -m benchmarks.sim3d --setup real2real $(ARGS)

sim3d-synth2real: setup ## Table 2: train on the rendered nominal part
	OMP_NUM_THREADS=$(THREADS) $(BIN)/python -m benchmarks.sim3d --setup synth2real $(ARGS)

lint: setup ## Style, format, types, and what is known to be unsafe
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy modmap dino_depth benchmarks
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml modmap dino_depth benchmarks
	$(BIN)/python .ci/audit

format: setup ## Put every file in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove the virtual environment and what tools leave behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
