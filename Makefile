.PHONY: check fix docs bench

check:  ## everything CI runs, in the current environment
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	pytest

fix:  ## format, and mend what can be mended without thinking
	ruff format .
	ruff check --fix .

docs:  ## rewrite the parts of the docs that are made from the code
	python docs/make.py

bench:  ## every benchmark, each a ratio within one run
	for script in benchmarks/*.py; do echo "== $$script"; python "$$script" || exit 1; done
