# Every command of Tidemark; `make help` lists them. All of it needs Python 3.11, Java 17 or newer, git and make.

MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python 3.11 that there is. Not simply python3: that may be any version.
FIND_PYTHON = for python in $(PYTHON) python3.11 /usr/bin/python3.11 /usr/local/bin/python3.11 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo "$$python" && break; done
BOOTSTRAP = python="$$($(FIND_PYTHON))"; \
	test -n "$$python" || { echo "Python 3.11 is not here. Install it, e.g.: apt-get install python3.11 python3.11-venv" \
	"(or name one: make PYTHON=/path/to/python3.11 ...)" >&2; exit 1; }; \
	PYTHONPATH=src "$$python" -m tidemark.local.bootstrap
TIDEMARK = .venv/bin/python -m tidemark.cli

.PHONY: help installed setup setup-dev run status logs stop clean backup restore test test-platform test-units test-cluster lint hooks docs bench-load bench-train bench-topn bench-retrain bench-quality bench-stream bench-ui bench-serve bench-soak tide demo bench-explore

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*##/\1/p' $(MAKEFILE_LIST) | sed 's/^\([a-z-]*\) */\1\t/' | expand -t 16

installed:
	@test -x .venv/bin/python || { echo "Nothing is set up here yet: make setup, or at once make run" >&2; exit 1; }

setup:  ## make .venv with everything that runs here (make run does it by itself)
	@$(BOOTSTRAP)

setup-dev:  ## the same with the tools for tests and linting
	@$(BOOTSTRAP) --dev

run: setup  ## start the platform, load data, train and publish; SOURCE=... PRODUCTS=... (RELEASE=... or COLUMNS='item=sku ...') for your own
	@$(TIDEMARK) run $(if $(SOURCE),--source "$$SOURCE") $(if $(PRODUCTS),--products "$$PRODUCTS") $(if $(RELEASE),--release "$$RELEASE") $(if $(COLUMNS),--columns "$$COLUMNS")

status: installed  ## each service: state, process, uptime, memory, address
	@$(TIDEMARK) status || true

logs: installed  ## the services' logs as they come; SERVICE=... for one of them
	@$(TIDEMARK) logs --follow $(if $(SERVICE),"$$SERVICE")

stop: installed  ## stop the platform in order; nothing is lost
	@$(TIDEMARK) stop

clean: installed  ## stop the platform and remove all its data (asks first; YES=1 does not)
	@$(TIDEMARK) clean $(if $(YES),--yes)

backup: installed  ## write all that the platform knows into one file (TO=...); it is stopped meanwhile
	@$(TIDEMARK) backup $(if $(TO),"$$TO")

restore: setup  ## put a backup in the place of this platform (FROM=..., YES=1 where there is one), and start it
	@$(TIDEMARK) restore "$$FROM" $(if $(YES),--yes)

# Two at a time, then the whole platform: it waits more than it works, so what needs no server goes beside it and behind it.
# Each runs whatever the others said.
PYTEST = .venv/bin/python -m pytest

test:  ## run all tests (as root on Debian it installs chromium and docker-compose for them); ARGS=... for some, ARGS=tests/unit for the quick ones
	@$(BOOTSTRAP) --dev --programs
ifdef ARGS
	@$(PYTEST) $(ARGS)
else
	@failed=0; \
	$(PYTEST) $(addprefix --ignore tests/,unit e2e cluster) --numprocesses 2 --dist loadfile --no-loadscope-reorder || failed=1; \
	$(MAKE) --jobs 2 --keep-going --output-sync=target test-platform test-units || failed=1; \
	exit $$failed
endif

test-platform:  ## only the whole platform, in a real browser too
	@$(PYTEST) tests/e2e

test-units:  ## only what needs no server
	@nice $(PYTEST) tests/unit

# Its first run makes the images: a quarter of an hour. An interrupt, and not a kill, so that all containers end with it.
test-cluster:  ## bring up docker-compose.yaml for real and kill it piece by piece (as root; 40 minutes at most)
	@$(BOOTSTRAP) --dev
	@timeout --signal INT --kill-after 120 2400 .venv/bin/python -m pytest tests/cluster $(ARGS)

lint: setup-dev  ## check style, format, types, arrows between packages (.pre-commit-config.yaml says what); mends what it can
	@PRE_COMMIT_HOME=.venv/pre-commit .venv/bin/pre-commit run --all-files --show-diff-on-failure

hooks: setup-dev  ## let git check the same of what is committed, each time
	@.venv/bin/pre-commit install

docs: setup-dev  ## write docs/reference (DAGs, settings, contracts, packages) and .env.example anew from the code
	@PYTHONPATH=src:. .venv/bin/python docs/generate.py

tide: installed  ## send interactions past the mark and watch the retrain until the new model is live
	@$(TIDEMARK) tide

demo: installed  ## the story in two minutes: three lists, a purchase, the tide, a new model live, and rolled back
	@$(TIDEMARK) demo

bench-load: setup-dev  ## reviews loaded a second, beside plain pymongo
	@PYTHONPATH=src:. .venv/bin/python benchmarks/load.py $(ARGS)

bench-train: setup-dev  ## CPU and recall of training, beside MLlib and implicit
	@PYTHONPATH=src:. .venv/bin/python benchmarks/train.py $(ARGS)

bench-topn: setup-dev  ## CPU of recommending to everybody, beside MLlib and implicit
	@PYTHONPATH=src:. .venv/bin/python benchmarks/top_n.py $(ARGS)

bench-retrain: setup-dev  ## a whole retrain, from its start to the new champion
	@PYTHONPATH=src:. .venv/bin/python benchmarks/retrain.py $(ARGS)

bench-quality: setup-dev  ## how good the recommendations are, beside public models, on every data set that is there
	@PYTHONPATH=src:. .venv/bin/python benchmarks/quality.py $(ARGS)

bench-stream: setup-dev  ## ingest rate and delay, lag, fold-in, crossing to training
	@PYTHONPATH=src:. .venv/bin/python benchmarks/stream.py $(ARGS)

bench-ui: setup-dev  ## how quickly the pages in the Airflow UI answer, with 200 models
	@PYTHONPATH=src:. .venv/bin/python benchmarks/ui.py $(ARGS)

bench-serve: setup-dev  ## the storefront: rate, CPU and time of an answer, sent interactions, streams, memory
	@PYTHONPATH=src:. .venv/bin/python benchmarks/serve.py $(ARGS)

bench-soak: setup-dev  ## an hour of load on the storefront, while workers are killed and models change
	@PYTHONPATH=src:. .venv/bin/python benchmarks/serve_soak.py $(ARGS)

bench-explore: setup-dev  ## exploration of 1,000,000 reviews and export of 1,000,000 edges: seconds and memory
	@PYTHONPATH=src:. .venv/bin/python benchmarks/explore.py $(ARGS)
