"""What is promised is kept, and the table in the user guide says what is measured."""

import csv

import pytest

from promise import SKFCNET
from promises import HEADER, PROMISES, TABLE, TESTS, line
from scaffolding import any_solver, short_fits

pytestmark = [short_fits, any_solver]

LINES = [*csv.reader(TABLE.read_text(encoding="utf-8").splitlines())]


@pytest.mark.parametrize("own", PROMISES, ids=lambda own: own.check.__name__)
def test_a_promise_is_kept(own):
    own.check(SKFCNET)


@pytest.mark.parametrize("own", PROMISES, ids=lambda own: own.check.__name__)
def test_further_tests_of_a_promise_exist(own):
    assert all((TESTS / name).exists() for name in own.files)


@pytest.mark.parametrize("own", PROMISES, ids=lambda own: own.check.__name__)
def test_the_table_of_the_user_guide_says_what_is_measured(own):
    """Run ``python tests/promises.py`` after a change of the promises."""
    if LINES[0][3] != HEADER[3]:
        pytest.skip(f"the table is of {LINES[0][3]}, and this is {HEADER[3]}")
    assert line(own) in LINES


def test_the_table_of_the_user_guide_has_nothing_else():
    assert LINES[0][:3] == [*HEADER[:3]]
    assert len(LINES) == 1 + len(PROMISES)
