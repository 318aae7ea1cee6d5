"""Check the prose of the README, the changelog and the documentation.

The checks are those of proselint that suit technical prose, and the list of words in
``.ci/words.csv``: what to avoid, and what to write instead. Code and formulas are left
out. ``python .ci/prose.py`` prints what it finds, and fails if there is anything.
"""

import csv
import re
import sys
from pathlib import Path

from proselint.checks import __register__ as all_checks
from proselint.config import DEFAULT
from proselint.registry import CheckRegistry
from proselint.registry.checks import Check
from proselint.registry.checks.types import PreferredFormsSimple
from proselint.tools import LintFile

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGES = (
    "*.md",
    "docs/*.rst",
    "docs/*.rst.in",
    "docs/user_guide/*.rst",
    "examples/README.rst",
)
WRITTEN_BY_THE_BUILD = {"api.rst"}
OUR_WORDS = "words"
# Straight quotes and three dots are code here, "very" is a word, "early" is no adverb
# in "early-stopping", and "from 1/25 to 1" is no date.
SWITCHED_OFF = dict.fromkeys(
    ("misc.phrasal_adjectives", "dates_times", "typography", "weasel_words"), False
)
NOT_PROSE = re.compile(
    r"""
    ^```.*?^```                                     # Markdown: fenced code
    | ^<picture>.*?^</picture>
    | ``[^`]+`` | `[^`]+`                           # code and links
    | :[\w:]+:(?=`)                                 # the names of roles
    | ^[ ]*>>>.*?(?=^[ ]*$)                         # doctests, with their output
    | ^[ ]*\.\.[ ](?:code-block|math|autosummary)::.*?(?=^\S|\Z)
    | ^(?:\n|\A).*[^:]::\n\n(?:[ ]+.*\n|\n)+        # literal blocks
    | ^[ ]*\.\.[ ]\[\d+\].*?(?=^\S|^[ ]*\.\.|\Z)    # references
    | ^[ ]*:[\w-]+:.*?$ | ^[ ]*\.\.[ ][\w-]+::.*?$  # directives and their options
    | \w+(?:[./]\w+)+                               # dotted names and paths
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


def our_words():
    """Return the check of the words in the list."""
    with (HERE / "words.csv").open(encoding="utf-8", newline="") as file:
        preferred = {row["avoid"]: row["write"] for row in csv.DictReader(file)}
    return Check(
        check_type=PreferredFormsSimple(items=preferred),
        path=OUR_WORDS,
        message="Write '{}' instead of '{}'.",
    )


def prose_of(page):
    """Return the text of a page with signs in place of code, on the same lines."""
    text = page.read_text(encoding="utf-8")
    return NOT_PROSE.sub(lambda match: re.sub(r"\S", "#", match[0]), text)


def main():
    """Print all findings; return whether there are any."""
    CheckRegistry().register_many((*all_checks, our_words()))
    # The first name that fits a check decides: those switched off come first.
    checks = SWITCHED_OFF | DEFAULT["checks"] | SWITCHED_OFF | {OUR_WORDS: True}
    config = {"max_errors": DEFAULT["max_errors"], "checks": checks}
    found = False
    for page in sorted(page for pattern in PAGES for page in ROOT.glob(pattern)):
        if page.name not in WRITTEN_BY_THE_BUILD:
            for result in LintFile(str(page), prose_of(page)).lint(config):
                line, _ = result.pos
                found = True
                message = result.check_result.message
                path = page.relative_to(ROOT)
                print(f"{path}:{line}: {result.check_result.check_path}: {message}")
    return found


if __name__ == "__main__":
    sys.exit(main())
