# What a person types while working on hubbub. Each target makes its own virtual environment when there is none.
# Needed beforehand: Python 3.11 or newer with venv, make, and the package registry that pip is set up for.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV ?= .venv
VENV_TRAIN ?= .venv-train
# The first of these that is new enough and can make a virtual environment.
PYTHON ?= $(shell for one in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$one" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$one" && break; \
	done)
# Two cores is what CI has; more workers only take memory.
WORKERS ?= 2
# Tests in a browser are left out, loudly, where there is no Chromium; `required`, as CI says, makes that a failure.
BROWSER_TESTS ?= where-there-is-one

# What the tests need: every engine, a real Kafka, and the tools; not the training environment, which is several GB.
EXTRAS = dev,faust,beam,quality,fast,kafka-dev,alerts,console,traces

BIN = $(VENV)/bin
PIP_QUIET = --quiet --disable-pip-version-check
SAY = @printf '\033[1m== %s\033[0m\n'
STAMP = $(VENV)/.installed
STAMP_TRAIN = $(VENV_TRAIN)/.installed

.PHONY: help demo check static browser test slow flink sameness incidents chaos soak bench bench-telemetry train-env constraints clean

help:
	@echo 'make demo         a small building talks for a minute; see what hubbub hears'
	echo 'make check        the inner loop: format, lint, types, imports, tests without a broker, README, the built wheel'
	echo 'make test         all that CI runs: check, then integration and quality tests (in a browser, where there is a Chromium)'
	echo 'make slow         the tests that take minutes each'
	echo 'make flink        streams on a real Flink and a real Kafka: savepoints, kills'
	echo 'make sameness     20,000 events on every engine, broker and batch size, straight, killed, replayed: 0 differences (hours)'
	echo 'make incidents    200 incidents and 200 look-alikes through the whole job: precision and recall'
	echo 'make chaos        kills, restarts, outages, full disks, with counts of what was lost or doubled; make soak: for long'
	echo 'make bench        the figures of BENCHMARKS.md; bench-telemetry; bench-kafka and bench-alerts need a Kafka'
	echo 'make train-env    $(VENV_TRAIN), with what training needs'
	echo 'make constraints  constraints.txt anew, from the newest releases that setup.py allows'
	echo 'make clean        remove what the other targets made'

# --- environments -----------------------------------------------------------------------------------------------------
# usage: $(call environment,FOLDER,EXTRA)
define environment
	if [ -z "$(PYTHON)" ]; then echo 'expected Python 3.11 or newer with venv and ensurepip on the PATH, found none' >&2; exit 2; fi
	echo "== $(1): installing hubbub[$(2)] with $$($(PYTHON) --version) (once; about a minute)"
	[ -x $(1)/bin/python ] || $(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install $(PIP_QUIET) --constraint constraints.txt pip setuptools wheel
	PYTHONWARNINGS=ignore $(1)/bin/python -m pip install $(PIP_QUIET) --constraint constraints.txt --no-build-isolation --editable '.[$(2)]'
	touch $(1)/.installed
endef

$(STAMP): setup.py constraints.txt
	@$(call environment,$(VENV),$(EXTRAS))

# With XGBoost, beside which a slow test holds `train records`; hubbub itself never uses it.
$(STAMP_TRAIN): setup.py constraints.txt
	@$(call environment,$(VENV_TRAIN),train)
	$(VENV_TRAIN)/bin/python -m pip install $(PIP_QUIET) 'xgboost==3.2.0'

train-env: $(STAMP_TRAIN)

# Resolved for the machine it runs on, without installing anything. Beam's upper bounds hold for all, for the engines share one environment.
constraints:
	@echo '== constraints.txt: resolving (about a minute)'
	folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	$(PYTHON) -m venv "$$folder/venv"
	"$$folder/venv/bin/python" -m pip install $(PIP_QUIET) --upgrade pip setuptools wheel
	"$$folder/venv/bin/python" -m pip install $(PIP_QUIET) --dry-run --ignore-installed --no-build-isolation \
		--report "$$folder/report.json" --editable '.[$(EXTRAS),train]' pip setuptools wheel
	"$$folder/venv/bin/python" - "$$folder/report.json" >"$$folder/constraints.txt" <<'PY'
	import json, sys
	print("# Exact versions of the core and of the extras that the tests and training need, for Python 3.11.")
	print("# Made by `make constraints`; CI installs from it.")
	found = [one["metadata"] for one in json.load(open(sys.argv[1]))["install"]]
	lines = ["{name}=={version}".format(**one) for one in found if one["name"] != "hubbub"]
	print(*sorted(lines, key=str.lower), sep="\n")
	PY
	cp "$$folder/constraints.txt" constraints.txt
	git diff --stat -- constraints.txt

# --- what is run ------------------------------------------------------------------------------------------------------
demo: $(STAMP)
	@exec $(BIN)/hubbub demo

static: $(STAMP)
	$(SAY) 'ruff format, ruff check'
	$(BIN)/ruff format --quiet --check .
	$(BIN)/ruff check --quiet .
	$(SAY) 'mypy'
	$(BIN)/mypy --no-error-summary
	$(SAY) 'lint-imports'
	$(BIN)/lint-imports --no-logo >.import-linter.log || { cat .import-linter.log; exit 1; }
	rm -f .import-linter.log

check: static
	$(SAY) 'tests without a broker; the README; the built wheel'
	$(BIN)/python -m pytest --quiet -n $(WORKERS) tests/unit tests/contract tests/golden

# Says what is left out for want of a browser, and how to get one.
browser: $(STAMP)
	@sentence=$$($(BIN)/python -m tests.chromium 2>&1) && exit
	printf '\n\033[1;33m!! LEFT OUT: all tests of the console in a browser (marked `browser`).\n!! %s\033[0m\n\n' "$$sentence" >&2
	if [ "$(BROWSER_TESTS)" = required ]; then echo '!! BROWSER_TESTS=required: they may not be left out here' >&2; exit 1; fi

test: browser check
	$(SAY) 'integration and quality tests'
	which='not slow'
	if ! $(BIN)/python -m tests.chromium >/dev/null 2>&1; then which='not slow and not browser'; trap '$(MAKE) browser' EXIT; fi
	$(BIN)/python -m pytest --quiet -n $(WORKERS) -m "$$which" tests/integration tests/quality

# Minutes each, their figures written down (models' cards, closing notes); not part of `make test`.
slow: $(STAMP) $(STAMP_TRAIN)
	$(SAY) 'slow tests'
	$(BIN)/python -m pytest --quiet -s -m slow tests

# About an hour on two cores; ARGUMENTS='--engine SQLite --batch 7' chooses.
sameness: $(STAMP)
	$(SAY) 'sameness'
	$(BIN)/python -m tests.sameness_suite $(ARGUMENTS)

# Half an hour; ARGUMENTS='--part left-out --days 2' chooses.
incidents: $(STAMP)
	$(SAY) 'incidents and look-alikes'
	$(BIN)/python -m tests.incident_suite $(ARGUMENTS)

# Half an hour and more; ARGUMENTS='kills --quick' chooses. RELIABILITY.md holds the figures.
chaos: $(STAMP)
	$(SAY) 'chaos'
	$(BIN)/python -m tests.chaos $(ARGUMENTS)

soak: $(STAMP)
	$(SAY) 'soak'
	$(BIN)/python -m tests.soak $(ARGUMENTS)

# Two JVMs a start; some minutes.
flink: $(STAMP)
	$(SAY) 'streams on Flink'
	$(BIN)/python -m pytest --quiet -s -p no:xdist tests/integration/test_beam_flink.py --timeout 1800

# One at a time: a figure that was measured beside another is no figure.
bench: $(STAMP) .venv-peers/.installed
	$(SAY) 'benchmarks'
	$(BIN)/python -m pytest --quiet -s -p no:xdist tests/bench --ignore tests/bench/test_over_kafka.py --ignore tests/bench/test_alerting.py --ignore tests/bench/test_telemetry_detector.py

# A quarter of an hour and a real Kafka.
bench-alerts: $(STAMP)
	$(SAY) 'benchmarks of alerting'
	$(BIN)/python -m pytest --quiet -s -p no:xdist --timeout 3600 tests/bench/test_alerting.py

# Minutes; river is one of the peers.
bench-telemetry: $(STAMP) .venv-peers/.installed
	$(SAY) 'benchmarks of the anomaly models, beside peers'
	$(BIN)/python -m pytest --quiet -s -p no:xdist --timeout 1800 tests/bench/test_telemetry_detector.py

bench-kafka: $(STAMP) .venv-peers/.installed
	$(SAY) 'benchmarks over Kafka, beside peers'
	$(BIN)/python -m pytest --quiet -s -p no:xdist --timeout 1800 tests/bench/test_over_kafka.py

# One more environment: Quix Streams wants another confluent-kafka than we do, Drain3 another jsonpickle than Beam.
.venv-peers/.installed: Makefile
	$(SAY) '.venv-peers: installing those that benchmarks are run beside'
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install $(PIP_QUIET) 'quixstreams==3.28.1' 'drain3==0.9.11' 'river==0.26.1' "onnxruntime==$$(grep -oP '(?<=^onnxruntime==).*' constraints.txt)" tokenizers numpy
	touch $@

clean:
	@echo '== removing environments, caches and builds'
	rm -rf $(VENV) $(VENV_TRAIN) .venv-ci .venv-peers build dist hubbub.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find schemas models operators infra pipelines tests -name __pycache__ -type d -prune -exec rm -rf {} +
