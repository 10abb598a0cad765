.PHONY: run test slow lint ci

run:
	python app.py

test:
	python -m pytest

slow:
	python -m pytest -m slow

lint:
	ruff check .

ci:
	.ci/run
