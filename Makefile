# The few things one does all day. Each is one line; `manage.py` sets up what is missing.
BIN = .venv/bin
# What chaos takes: SEED=3, 1,4 or 1..20; SCENARIO=all, calm or kill,answers
SEED = 1
MINUTES = 3
SCENARIO = all

.PHONY: demo test fast lint browser bench chaos

demo: ## Junocal with 250 clients and a local Klaviyo; Ctrl-C stops it
	python3 manage.py demo

test: ## all tests that need no browser
	python3 manage.py test

fast: ## all but journeys, chaos and what commits: while one works
	python3 manage.py test --fast

lint: ## what CI checks without running it; needs all packages, so `make browser` comes once before
	$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && $(BIN)/lint-imports && $(BIN)/djlint --check --lint templates

browser: ## the pages in Chromium
	python3 manage.py test --browser

bench: ## speed and scale as one table, half an hour; `make bench ARGS="--quick calm"` for less
	$(BIN)/python -m dev.benchmarks $(ARGS)

chaos: ## work while everything is killed, frozen and answered badly; each column must be 0
	$(BIN)/python -m tests.chaos --seeds $(SEED) --minutes $(MINUTES) --scenario $(SCENARIO)
