# Two commands are enough for a newcomer: make run, make test.
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
export PYTHON
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# $(call stage,NAME,COMMAND) runs one stage of `make test` and says how long it took.
stage = @printf '\n── %s\n' '$(1)'; began=$$(date +%s); $(2) || exit $$?; \
	printf '── %s: passed in %s s\n' '$(1)' $$(($$(date +%s) - began))

.PHONY: help
help:  ## List the targets
	@echo 'make run and make test set up what they need by themselves.'
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { sub("%", "NAME", $$1); printf "  make %-13s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))

.PHONY: run
run: $(VENV)/run.stamp  ## Run the bot; without a token, a demo against a local Discord (ARGS="--duration 60s")
	@$(BIN)/python main.py run --or-demo $(ARGS)

.PHONY: test
test: lint types contracts tests  ## Everything that must pass before a change lands, cheapest first

.PHONY: lint
lint: $(VENV)/test.stamp  ## Format and lint (ruff)
	$(call stage,format,$(BIN)/ruff format --check --quiet .)
	$(call stage,lint,$(BIN)/ruff check --quiet --output-format concise .)

.PHONY: types
types: $(VENV)/test.stamp  ## Types: mypy --strict, then pyright strict on the product
	$(call stage,mypy,$(BIN)/mypy --no-error-summary)
	$(call stage,basedpyright,$(BIN)/basedpyright --warnings)

.PHONY: contracts
contracts: $(VENV)/test.stamp  ## Who may import whom (.importlinter)
	$(call stage,import contracts,$(BIN)/lint-imports --no-logo)

# OTP's own supervisor is the oracle of tests/otp.
.PHONY: erlang
erlang:
	@sh requirements/erlang.sh

.PHONY: tests
tests: $(VENV)/test.stamp erlang  ## The tests with branch coverage; only some: make tests ARGS="tests/kernel -x"
	$(call stage,tests,$(BIN)/pytest --cov --cov-report=term $(ARGS))

.PHONY: format
format: $(VENV)/test.stamp  ## Format the code and fix what ruff can fix
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench-%: $(VENV)/bench.stamp FORCE  ## Measure one thing beside a baseline, into build/bench/NAME.json
	@mkdir -p build/bench
	@$(BIN)/python -m tests.benchmarks.$* --json build/bench/$*.json $(ARGS)

.PHONY: soak
soak: $(VENV)/test.stamp erlang  ## Long runs with crashes and kills (tests/soak)
	@$(BIN)/pytest --override-ini=addopts= --import-mode=importlib tests/soak $(ARGS)

.PHONY: mutants
mutants: $(VENV)/test.stamp  ## Plant every small fault in the supervisors: a test must fail (ARGS="strategy lives")
	@$(BIN)/python -m tests.mutants $(ARGS)

# Keeps the versions that are pinned already; make requirements ARGS=--upgrade takes the newest.
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate \
	--python-version 3.11 --custom-compile-command 'make requirements' $(ARGS) pyproject.toml
.PHONY: requirements
requirements: $(VENV)/compile.stamp  ## Pin again what pyproject.toml asks for, with hashes
	@$(COMPILE) --output-file requirements/run.txt
	@for extra in test bench compile; do \
		$(COMPILE) --extra $$extra --constraint requirements/run.txt \
			--output-file requirements/$$extra.txt || exit 1; done

.PHONY: clean
clean:  ## Remove what the other targets made; data/ stays
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

# A stamp for each requirements file, so that the second run starts at once.
$(VENV)/%.stamp: requirements/%.txt $(VENV)/made.stamp
	@echo 'Installing $< (once)' >&2
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps --only-binary :all: --requirement $<
	@touch $@

# Also made anew when the Python that it was made with is gone.
ifeq ($(shell test -x $(BIN)/python && echo whole),)
.PHONY: $(VENV)/made.stamp
endif
$(VENV)/made.stamp:
	@sh requirements/venv.sh $(VENV)
	@touch $@

.PHONY: FORCE
FORCE:
