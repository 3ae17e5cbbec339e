SHELL := bash
BIN := .venv/bin
SETUP := .venv/up-to-date
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(UPGRADE) pyproject.toml
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lock clean

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SETUP) ## the virtual environment .venv, as locked (PYTHON=... names an interpreter), and the models that rules need
	@$(BIN)/python -m mixtures.models || true
	@echo ".venv is up to date"

demo: $(SETUP) ## fetch a real corpus, turn it into training sequences, train on them
	@$(BIN)/python -m mixtures.models
	@$(BIN)/python -m mixtures.fetch mixtures/demo_corpus.txt build/demo/corpus
	$(BIN)/tenfold run mixtures/demo.yaml
	@rm -rf build/demo/run/training
	$(BIN)/tenfold train mixtures/demo.yaml

test: $(SETUP) ## the tests, but for the slow ones (PYTEST_ARGS=... adds arguments)
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile $(PYTEST_ARGS)

check: $(SETUP) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

lock: ## compile the locks anew from pyproject.toml, with uv (UPGRADE=--upgrade takes the newest versions)
	$(LOCK) --extra dev -o requirements/dev.txt
	$(LOCK) --extra pipeline -c requirements/dev.txt -o requirements/pipeline.txt
	$(LOCK) --extra trainer -c requirements/dev.txt -o requirements/trainer.txt

clean: ## remove what was built and cached; .venv stays
	rm -rf build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(SETUP): requirements/dev.txt requirements/install.sh pyproject.toml
	@requirements/install.sh
	@touch $@
