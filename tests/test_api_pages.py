"""The pages of text in docs/api are those of today's docstrings."""

import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def pages(module_monkeypatch):
    return runpy.run_path(str(DOCS / "api_pages.py"))["pages"]()


@pytest.fixture(scope="module")
def module_monkeypatch():
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(DOCS))  # where the script finds reference.py
        yield monkeypatch


@pytest.mark.skipif(not find_spec("sklearn.callback"), reason="needs scikit-learn 1.9")
def test_api_pages_have_the_docstrings_of_today(pages):
    committed = {
        path.name: path.read_text(encoding="utf-8")
        for path in (DOCS / "api").glob("*.md")
    }
    outdated = {
        name for name in pages | committed if pages.get(name) != committed.get(name)
    }
    assert not outdated, "run `python docs/api_pages.py`"
