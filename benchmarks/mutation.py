"""Whether the tests notice when the code is changed: a run of mutation testing.

    pip install mutmut==3.8.1
    python benchmarks/mutation.py --write results.txt
    python benchmarks/mutation.py --again results.txt --write again.txt

The first draws a random sample of the mutants of each group of modules, and runs for
each mutant the tests that reach the changed statement, up to the first that fails. It
prints the mutants that survive, and how many were killed. `tests/survivors.md` explains
those that are left. The second takes the mutants that survived the first once more.
``--groups`` restricts either to some groups, ``--sample 0`` takes all mutants, and
``--seconds`` bounds the tests that are run for a mutant.

A process collects the tests of a group, and is forked for every mutant. The fork takes
the code of the mutant for the function that is changed. Where this is not enough, since
the code has run when modules were imported, a process that has not yet imported the
package does it with the mutant. Linux only.
"""

import argparse
import gc
import json
import os
import random
import resource
import signal
import sys
import traceback
from collections import Counter, defaultdict
from importlib.machinery import SourceFileLoader
from itertools import chain, zip_longest
from pathlib import Path
from time import perf_counter
from types import CodeType, FunctionType
from typing import NamedTuple

# SciPy reads it when it is imported.
os.environ["SCIPY_ARRAY_API"] = "1"

import coverage
import hypothesis
import pytest

# Forks need not import what has been imported before.
import scipy.stats  # noqa: F401
import sklearn.utils.estimator_checks  # noqa: F401
from _mutants import candidates, is_change

ROOT = Path(__file__).resolve().parents[1]

ERRORS = os.fdopen(os.dup(2), "w", buffering=1)
"""The error output, which forks keep while that of the tests is silenced."""


class Group(NamedTuple):
    """Modules, and the tests that concern them."""

    modules: str  # a pattern, with names in braces as in a shell
    tests: tuple[str, ...]  # names of files, or of one test in a file

    @property
    def paths(self):
        start, _, rest = self.modules.partition("{")
        names, _, end = rest.partition("}")
        patterns = [f"{start}{name}{end}" for name in names.split(",")]
        return [path for each in patterns for path in sorted(ROOT.glob(each))]

    @property
    def tests_and_doctests(self):
        tests = [str(ROOT / "tests" / f"test_{test}") for test in self.tests]
        return [*tests, *map(str, self.paths)]


# Tests that fit many estimators are left out: they take minutes.
GROUPS = {
    "losses": Group("skfcnet/losses/*.py", ("losses.py", "outputs.py")),
    "layers": Group(
        "skfcnet/layers/*.py",
        (
            "layers.py",
            "gradient_check.py",
            "blocks.py::test_features_without_parameters_are_their_formula",
            "blocks.py::test_an_embedded_category_is_its_shrunken_row_beside_what_all_share",
            "blocks.py::test_blocks_need_not_compute_the_gradient_of_the_columns",
            "blocks.py::test_columns_that_there_are_not_are_refused",
            "blocks.py::test_settings_that_would_broadcast_are_refused",
            "blocks.py::test_an_embedding_of_categories_says_what_does_not_fit",
            "blocks.py::test_the_features_are_those_of_the_blocks_side_by_side",
            "blocks.py::test_gradients_by_the_rows_go_through_all_blocks",
            "embeddings.py::test_scores_are_those_of_a_plain_network_behind_the_embedding",
            "network.py::test_only_a_training_pass_moves_the_running_statistics",
        ),
    ),
    "update rules": Group(
        "skfcnet/{update_rules,_engine/vector_update,_engine/adam}.py",
        ("update_rules.py",),
    ),
    "batches": Group(
        "skfcnet/_engine/{batches,minibatches}.py", ("batches.py", "gathering.py")
    ),
    "encoder": Group(
        "skfcnet/_tabular/{encoder,categorical_features,categories,values,"
        "location_scale,scaling,binning,row_selection}.py",
        (
            "encoder.py",
            "categories.py",
            "scaling.py::test_robust_is_the_formula_of_the_paper",
            "scaling.py::test_where_most_values_are_equal_the_range_counts",
            "scaling.py::test_standard_is_that_of_scikit_learn",
            "scaling.py::test_unscaled_is_as_it_is",
            "scaling.py::test_slopes_are_differences_of_scaled_numbers",
            "scaling.py::test_numbers_far_off_are_at_the_limit_if_there_is_one",
            "scaling.py::test_scaling_what_is_standardised_already_changes_nothing",
            "scaling.py::test_a_column_that_did_not_vary_is_learned_anew_from_rows_that_do",
            "scaling.py::test_rows_that_are_alike_and_new_are_seen_beside_those_before",
            "scaling.py::test_a_column_that_was_missing_so_far_is_learned_like_a_new_one",
            "scaling.py::test_target_has_mean_zero_and_deviation_one_and_comes_back",
            "scaling.py::test_a_target_that_did_not_vary_is_learned_anew_from_rows_that_do",
            "scaling.py::test_quartiles_of_a_target_are_those_of_normal_numbers_whatever_"
            "the_outliers",
            "tables.py::test_numbers_with_signs_or_a_few_words_are_doubtful_as_categories",
            "tables.py::test_words_and_codes_are_not_doubtful_as_categories",
            "memory.py::test_a_selection_is_read_as_its_rows",
        ),
    ),
    "training state": Group(
        "skfcnet/_estimators/{training,history}.py",
        (
            "continuation.py",
            "stopping.py",
            "validation_monitor.py",
            "verbose.py",
            "divergence.py",
            "checkpoints.py",
            "parallel_members.py",
            "callbacks.py::test_a_callback_can_end_the_fit_at_once",
            "distributed.py::test_a_single_shard_is_trained_as_a_network_of_its_own",
            "weights.py::test_statistics_of_minibatches_have_no_weights_with_lbfgs",
        ),
    ),
}

MAX_MEMORY = 6 * 2**30
"""Address space of a mutant in bytes, since some allocate without end."""


# The processes.


def in_fork(function, *, timeout=None):
    """Return what a function returns in a fork, or None if it did not end well."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.close(reading)
        signal.alarm(timeout or 0)
        try:
            with os.fdopen(writing, "w") as pipe:
                pipe.write(json.dumps(function()))
        except BaseException:
            traceback.print_exc(file=ERRORS)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    try:
        os.killpg(pid, signal.SIGKILL)  # what it has left behind
    except ProcessLookupError:
        pass
    return json.loads(answer) if answer else None


def run_pytest(group, plugin):
    """Collect the tests of a group quietly, and let the plugin run them."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    hypothesis.settings.register_profile(
        "mutation",
        database=None,
        deadline=None,
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("mutation")
    options = ["-o", "addopts=", "--import-mode=importlib", "--doctest-modules"]
    options += ["-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no"]
    # Otherwise pytest reads the modules whose doctests it collects by itself.
    options += ["--assert=plain"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    pytest.main([*options, f"--rootdir={ROOT}", *group.tests_and_doctests], [plugin])


def run_tests(session, names):
    """Run tests; return the name of the first that fails, or an empty string."""
    items = {item.nodeid: item for item in session.items}
    chosen = [items[name] for name in names if name in items]
    for item, following in zip_longest(chosen, chosen[1:]):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return item.nodeid
    return ""


# Which tests reach which lines.


class Reach:
    """A plugin that runs all tests, and finds out which lines each of them reaches."""

    def __init__(self, group):
        self.group, self.seconds, self.failed = group, Counter(), set()
        self.coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[str(p) for p in group.paths]
        )
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self):
        self.coverage.stop()

    def measure(self):
        run_pytest(self.group, self)
        data = self.coverage.get_data()
        lines = {str(p): data.contexts_by_lineno(str(p)) for p in self.group.paths}
        return {
            "lines": lines,
            "seconds": self.seconds,
            "failed": sorted(self.failed),
        }


class Plan:
    """What `Reach` measured, and which tests are run for a mutant for that reason."""

    def __init__(self, measured, seconds):
        self.seconds_of, self.bound = measured["seconds"], seconds
        self.failed = measured["failed"]
        self.lines = measured["lines"]

    def _contexts(self, mutant):
        lines = self.lines[str(mutant.path)]
        return {*chain.from_iterable(lines.get(str(n), ()) for n in mutant.lines)}

    def runs_at_import(self, mutant):
        return "" in self._contexts(mutant)

    def tests(self, mutant):
        """Return tests, each function of tests in turn, the quickest first."""
        names = self._contexts(mutant)
        if not mutant.is_in_function:
            names = {*chain.from_iterable(self.lines[str(mutant.path)].values())}
            names = names - {""} or {*self.seconds_of}
        names -= {"", *self.failed}
        functions = defaultdict(list)
        for name in sorted(names, key=lambda name: (self.seconds_of[name], name)):
            functions[name.partition("[")[0]].append(name)
        chosen, total = [], 0.0
        for name in chain.from_iterable(zip_longest(*functions.values())):
            if name and total < self.bound:
                chosen.append(name)
                total += self.seconds_of[name]
        return chosen

    def timeout(self, tests):
        return 30 + int(5 * sum(self.seconds_of[name] for name in tests))


# The mutants.


def code_of(source, path):
    """Return the code objects of functions by qualified name and first line."""
    found, waiting = {}, [compile(source, str(path), "exec")]
    while waiting:
        code = waiting.pop()
        found.setdefault((code.co_qualname, code.co_firstlineno), code)
        waiting += [const for const in code.co_consts if isinstance(const, CodeType)]
    return found


class Patched:
    """A plugin that forks for each mutant, and takes its code for functions."""

    def __init__(self, group, mutants, plan, report):
        self.group, self.mutants, self.plan = group, mutants, plan
        self.report = report

    def pytest_runtestloop(self, session):
        functions = defaultdict(list)
        for function in gc.get_objects():
            if isinstance(function, FunctionType):
                code = function.__code__
                key = code.co_filename, code.co_qualname, code.co_firstlineno
                functions[key].append(function)
        gc.freeze()
        for i, mutant in enumerate(self.mutants):
            if not mutant.is_in_function:
                continue
            tests = self.plan.tests(mutant)
            start = perf_counter()

            def attempt(mutant=mutant, tests=tests):
                limit_memory()
                new = code_of(mutant.source, mutant.path)
                for name, line in mutant.functions:
                    for function in functions[str(mutant.path), name, line]:
                        function.__code__ = new[name, line]
                return run_tests(session, tests)

            killer = in_fork(attempt, timeout=self.plan.timeout(tests))
            self.report(i, mutant, killer, perf_counter() - start)
        return True


class Imported:
    """A plugin that runs some tests, where the package was imported with a mutant."""

    def __init__(self, group, mutant, tests):
        self.group, self.mutant, self.tests = group, mutant, tests
        self.killer = "import"

    def pytest_runtestloop(self, session):
        if not session.testsfailed:  # by errors of the collection
            self.killer = run_tests(session, self.tests)
        return True

    def __call__(self):
        limit_memory()
        original, path = SourceFileLoader.get_code, str(self.mutant.path)
        code = compile(self.mutant.source, path, "exec")

        def get_code(loader, name):
            return code if loader.path == path else original(loader, name)

        SourceFileLoader.get_code = get_code
        run_pytest(self.group, self)
        return self.killer


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


def drawn(group, n, seed):
    """Return a random sample of n mutants of a group, in the order of the code."""
    mutants = list(chain.from_iterable(map(candidates, group.paths)))
    order = random.Random(seed).sample(range(len(mutants)), len(mutants))
    kept = []
    for i in order:
        if n and len(kept) == n:
            break
        if is_change(mutants[i]):
            kept.append(i)
    return [mutants[i] for i in sorted(kept)], len(mutants)


def run_group(title, group, mutants, seconds):
    """Yield each mutant with what killed it: a test, an import, time, or nothing."""
    measured = in_fork(lambda: Reach(group).measure())
    plan = Plan(measured, seconds)
    if plan.failed:
        print(f"{title}: left out, since they fail: {', '.join(plan.failed)}")
    killers = {}

    def patched():
        found = {}

        def report(i, mutant, killer, elapsed):
            found[i] = "time" if killer is None else killer
            log(f"{title} {i} {elapsed:.1f} s {mutant.name[:60]}: {found[i]}")

        run_pytest(group, Patched(group, mutants, plan, report))
        return found

    killers = {int(i): killer for i, killer in in_fork(patched).items()}
    for i, mutant in enumerate(mutants):
        if not killers.get(i):
            killers[i] = ""
            if plan.runs_at_import(mutant) or not mutant.is_in_function:
                tests = plan.tests(mutant)
                start = perf_counter()
                killer = in_fork(
                    Imported(group, mutant, tests), timeout=plan.timeout(tests)
                )
                killers[i] = "time" if killer is None else killer
                log(
                    f"{title} {i} {perf_counter() - start:.1f} s imported "
                    f"{mutant.name[:60]}: {killers[i]}"
                )
        yield mutant, killers[i], len(plan.tests(mutant))


def log(line):
    print(line, file=ERRORS, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", nargs="*", choices=GROUPS, default=[*GROUPS])
    parser.add_argument("--sample", type=int, default=85)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--write", default=os.devnull)
    parser.add_argument("--again", default="")
    return parser.parse_args()


def main():
    args = arguments()
    os.chdir(ROOT)
    again = set()
    if args.again:
        lines = Path(args.again).read_text().splitlines()
        again = {line.partition("\t")[2] for line in lines if line.startswith("-\t")}
    rows, totals = [], []
    for title in args.groups:
        group = GROUPS[title]
        mutants, n_all = drawn(group, args.sample, args.seed)
        if args.again:
            mutants = [mutant for mutant in mutants if mutant.name in again]
        n_killed = 0
        for mutant, killer, n_tests in run_group(title, group, mutants, args.seconds):
            n_killed += bool(killer)
            rows.append(f"{killer or '-'}\t{mutant.name}")
            if not killer:
                print(
                    f"{title}: {mutant.path.relative_to(ROOT)}:{mutant.lines.start} "
                    f"survives {n_tests} tests: {mutant.name}",
                    flush=True,
                )
            Path(args.write).write_text("".join(f"{row}\n" for row in rows))
        totals.append(
            f"{title:<15} {n_killed:5} of {len(mutants):5} killed, of {n_all}"
        )
        print(totals[-1], flush=True)
    print(*totals, sep="\n")


if __name__ == "__main__":
    sys.exit(main())
