"""The user guide names every parameter of the estimators and every module."""

from inspect import signature
from pathlib import Path

import pytest

import skfcnet
from skfcnet import FCNetClassifier, FCNetRegressor

GUIDE = {
    path.stem: path.read_text(encoding="utf-8")
    for path in (Path(__file__).parents[1] / "docs" / "user_guide").glob("*.rst")
}
PARAMETERS = sorted(
    {*signature(FCNetClassifier).parameters, *signature(FCNetRegressor).parameters}
)
MODULES = sorted(
    path.stem
    for path in Path(skfcnet.__file__).parent.glob("*.py")
    if path.stem != "__init__"
)


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_in_the_user_guide(name):
    assert any(f"``{name}``" in text for text in GUIDE.values())


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_place_in_the_description_of_the_code(module):
    assert f"``{module}``" in GUIDE["internals"]
