# Countenance: every command a person or CI needs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-gpu models demo story test test-postgresql test-wheel lint format lock shapes bench bench-accuracy bench-admission bench-audit bench-pages bench-policy bench-search bench-steps import-many kills sheet soak clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@sh tools/make_venv.sh "$(PYTHON)" "$(VENV)"

$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "installing Countenance and what it needs into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "installing Countenance and the tools that test it into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@if command -v npm >/dev/null; then npm ci --silent --fetch-retries=1 --fetch-timeout=60000 --prefix tests/openid || echo "no OpenID provider: tests of it skip"; fi
	@touch $@ $(VENV)/.runtime

setup: $(VENV)/.runtime ## build .venv with Countenance in it

setup-dev: $(VENV)/.dev ## the same with everything that tests need

setup-gpu: setup ## the same with what searches on NVIDIA's GPUs need (some GB)
	@$(PIP) install --require-hashes -r requirements/gpu.txt

models: setup ## install the model packs that can be had here
	@$(BIN)/countenance models install

demo: setup ## the main job through boto3, on public-domain portraits or PHOTOS=dir (one folder a person)
	@$(BIN)/countenance demo $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(SHEET),--sheet "$(SHEET)")

story: setup ## the whole story of enforced terms, played through boto3 against a live server
	@$(BIN)/countenance story

sheet: setup-dev ## photos with everything that is said of their faces, as one PNG; PHOTOS=dir as above
	@cd bench && ../$(BIN)/python sheet.py $(if $(PHOTOS),--photos "$(abspath $(PHOTOS))") $(if $(SHEET),--out "$(abspath $(SHEET))")

test: setup-dev ## every test
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

test-postgresql: setup-dev ## the tests that touch the database, on Debian's postgresql instead of the embedded one
	@sh tools/test_on_postgresql.sh "$(BIN)/python"

test-wheel: setup-dev ## build the wheel and test the wheel in an environment of its own
	@sh tools/test_wheel.sh "$(BIN)/python"

lint: setup-dev ## lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup-dev ## put the code into its format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## renew the hashed requirements from pyproject.toml (needs uv)
	@$(LOCK) pyproject.toml -o requirements/runtime.txt
	@$(LOCK) --group build -o requirements/build.txt
	@$(LOCK) pyproject.toml --group test --group dev -o requirements/dev.txt
	@$(LOCK) --group bench -c requirements/dev.txt -o requirements/bench.txt
	@$(LOCK) pyproject.toml --extra gpu -c requirements/dev.txt -o requirements/gpu.txt

shapes: setup-dev ## generate the TypedDicts of wire/shapes.py from the service models
	@$(BIN)/python tools/generate_shapes.py

bench: setup-dev ## accuracy, peers and HTTP figures as a table and as JSON in bench/out
	@$(BIN)/python bench/run.py

bench-accuracy: setup-dev ## error rates of both packs on all of PHOTOS=dir (lfw-dev), with targets; templates are kept in the cache
	@$(BIN)/python bench/run.py accuracy $(if $(PHOTOS),--photos "$(PHOTOS)")

bench-admission: setup-dev ## what one account's flood costs another account
	@$(BIN)/python bench/run.py admission

bench-audit: setup-dev ## what the audit log costs and how far it goes; then 200 kills and 1,000 tampered logs
	@$(BIN)/python bench/run.py audit
	@COUNTENANCE_TEST_KILLS=200 $(BIN)/python -m pytest -q -p no:cacheprovider tests/integration/test_log_faults.py tests/integration/test_log_tampering.py

bench-pages: setup-dev ## how long the console's pages take with 1,000,000 faces and 1,000,000 log entries
	@$(BIN)/python bench/run.py pages

bench-policy: setup-dev ## what decisions cost, and how fast a suspension acts under load
	@$(BIN)/python bench/run.py policy

bench-search: setup-dev ## the scan beside memory's speed, faiss and pgvector (20 million rows need 20 GB); enrolment
	@$(PIP) install --require-hashes -r requirements/bench.txt
	@$(BIN)/python bench/run.py search
	@$(BIN)/python bench/run.py enrolling

bench-steps: setup-dev ## what each step of the pipeline gains and costs; user templates of good and bad photos
	@$(BIN)/python bench/run.py steps

kills: setup-dev ## a server under mixed writes and searches, killed 100 times: what was confirmed is there
	@COUNTENANCE_TEST_KILLS=100 $(BIN)/python -m pytest -q -s -p no:cacheprovider tests/integration/test_kills.py

import-many: setup-dev ## 10,000 photos with broken ones among them: ledger, gallery and report say what each is
	@COUNTENANCE_IMPORT_PHOTOS=10000 $(BIN)/python -m pytest -q -s -p no:cacheprovider tests/unit/importing/test_runner.py -k thousands

soak: setup-dev ## 20,000 calls; shows whether memory stays flat
	@$(BIN)/python bench/soak.py

clean: ## remove .venv and everything that is built
	@rm -rf $(VENV) build dist bench/out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
