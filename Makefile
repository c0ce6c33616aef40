# `make run` and `make test` make the environment that they need, then do their job; the second call is quick.

PYTHON ?= python3
VENV := .venv
TFVAE := $(VENV)/bin/tfvae

.PHONY: run test test-slow lint bench clean

run: $(VENV)/.installed
	$(TFVAE) run pipelines/configs/digits.toml

test: $(VENV)/.installed
	$(VENV)/bin/python -m pytest --numprocesses=2 --dist=worksteal

test-slow: $(VENV)/.installed
	$(VENV)/bin/python -m pytest -m slow --numprocesses=2 --dist=worksteal

lint: $(VENV)/.installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

bench: $(VENV)/.installed  # PyTorch's build for CPUs; elsewhere add --index-url https://download.pytorch.org/whl/cpu
	$(VENV)/bin/python -m pip install --quiet torch==2.13.0 pythae
	$(VENV)/bin/python -m benchmarks.performance

$(VENV)/.installed: setup.py constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade pip
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[serving,dev]"
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
