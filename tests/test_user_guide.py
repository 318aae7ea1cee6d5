"""The user guide names every parameter of the estimators and every module."""

import re
from inspect import signature
from pathlib import Path

import pytest

import skfcnet
from skfcnet import FCNetClassifier, FCNetRegressor

ROOT = Path(__file__).parents[1]
GUIDE = {
    path.stem: path.read_text(encoding="utf-8")
    for path in (ROOT / "docs" / "user_guide").glob("*.rst")
}
PARAMETERS = sorted(
    {*signature(FCNetClassifier).parameters, *signature(FCNetRegressor).parameters}
)
MODULES = sorted(
    path.stem
    for path in Path(skfcnet.__file__).parent.glob("*")
    if not path.name.startswith("__") and path.suffix in ("", ".py")
)


PAGES = [
    *ROOT.glob("docs/*.rst"),
    ROOT / "docs" / "api.rst.in",
    *ROOT.glob("docs/user_guide/*.rst"),
    *ROOT.glob("skfcnet/**/*.py"),
]
LINK_ELSEWHERE = re.compile(r"(?<!`)`~?((?:joblib|numpy|sklearn)\.[\w.]+)`(?!`)")


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_in_the_user_guide(name):
    pages = [page for page, text in GUIDE.items() if f"``{name}``" in text]
    assert pages, f"no page of docs/user_guide has ``{name}``"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_place_in_the_description_of_the_code(module):
    assert f"``{module}``" in GUIDE["internals"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_is_linked_elsewhere_is_in_an_inventory(path):
    inventories = [file.read_text() for file in ROOT.glob("docs/inventories/*.txt")]
    listed = {
        line.partition(" ")[0] for text in inventories for line in text.split("\n")
    }
    assert set(LINK_ELSEWHERE.findall(path.read_text(encoding="utf-8"))) <= listed
