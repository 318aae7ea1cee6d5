"""What a reader can paste from the README and from "Get started" runs as it stands."""

import csv
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GET_STARTED = (ROOT / "docs" / "get_started.rst").read_text(encoding="utf-8")
NUMBER = re.compile(r" *\d+(?:\.\d+)?")
LITERAL_BLOCK = re.compile(
    r"^\.\. code-block:: (python|text)\n((?:\n| {3}.*\n)+)", re.MULTILINE
)


def run(code, folder):
    """Run a script in a folder, as a process of its own; return what it prints."""
    # A script in a file would have the folder of the file in front of its path.
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def code_and_output(page):
    """Return the Python of a page, and what the page says that it prints."""
    blocks = {"python": "", "text": ""}
    for language, block in LITERAL_BLOCK.findall(page):
        blocks[language] += textwrap.dedent(block).strip("\n") + "\n"
    return blocks["python"], blocks["text"]


def test_get_started_prints_what_it_says(tmp_path):
    code, expected = code_and_output(GET_STARTED)
    printed = run(code, tmp_path)
    # Where other versions and processors round differently, training takes another
    # way: predictions may differ by a tenth of the range of the target.
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", expected)
    numbers, expected_numbers = (
        np.array(NUMBER.findall(text), float) for text in (printed, expected)
    )
    np.testing.assert_allclose(numbers, expected_numbers, rtol=0.2, atol=0.05)


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_snippet_of_the_readme_runs(code, tmp_path):
    run(code, tmp_path)


def cells_of(line):
    """Return the cells of a line of a table in Markdown."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_readme_has_the_comparison_of_the_documentation():
    with (ROOT / "docs" / "comparison.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.reader(file))
    lines = [line for line in README.splitlines() if line.startswith("|")]
    header, _, *rows = map(cells_of, lines)
    assert [header, *rows] == expected


def test_the_comparison_has_the_numbers_of_the_benchmark():
    tables = ROOT / "docs" / "user_guide" / "many_tables.csv"
    with tables.open(encoding="utf-8", newline="") as file:
        models = {row["model"]: row for row in csv.DictReader(file)}
    with (ROOT / "docs" / "comparison.csv").open(encoding="utf-8", newline="") as file:
        _, error, log_loss, seconds, *_ = csv.reader(file)
    for model, column in (("scaled MLP", 2), ("boosting", 3)):
        row = models[model]
        assert error[column] == f"{float(row['error: skfcnet better, %']):.0f} %"
        assert log_loss[column] == f"{float(row['log loss: skfcnet better, %']):.0f} %"
        assert seconds[column] == f"{float(row['seconds']):.1f}"
    assert seconds[1] == f"{float(models['skfcnet']['seconds']):.1f}"
