"""Models in files: what is saved and loaded, what is refused, what is never lost."""

import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skfcnet
from scaffolding import (
    KINDS,
    any_solver,
    assert_same,
    data_of,
    main_prediction,
    short_fits,
    small_classifier,
    small_regressor,
)
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer

io = pytest.importorskip("skops.io", reason="files need the extra 'files'")
from skfcnet.files import FORMAT, MANIFEST, TRUSTED_TYPES, ModelFileError

pytestmark = [short_fits, any_solver]

IS_LONG = "SKFCNET_LONG_TESTS" in os.environ
N_FLIPS = 20_000 if IS_LONG else 300
GOLDEN = Path(__file__).parent / "golden"
ROWS = np.random.default_rng(0).normal(size=(60, 3))


def reloaded(model, path, **options):
    skfcnet.save(model, path)
    return skfcnet.load(path, **options)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@pytest.fixture
def saved(path):
    """The path of a small saved model."""
    skfcnet.save(small_regressor().fit(ROWS, ROWS), path)
    return path


# What is saved and loaded


VARIANTS = {
    "default": {"n_members": "auto", "early_stopping": "auto", "linear_term": True},
    "adamw": {"solver": "adamw", "normalization": "batch", "dropout": 0.1},
    "sgd": {"solver": "sgd", "normalization": "layer", "warm_start": True},
    "rmsprop": {"solver": "rmsprop", "numeric_embedding": "pbld"},
    "lbfgs": {"solver": "lbfgs", "linear_term": True},
    "plain": {"input_scaling": None, "numeric_embedding": None, "n_members": 2},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_estimator_is_loaded_to_the_bit(kind, variant, path):
    model, X, y = data_of(kind)
    model.set_params(**VARIANTS[variant]).fit(X, y)
    loaded = reloaded(model, path)
    assert_same(loaded, model, X)
    assert loaded.get_params() == model.get_params()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", ["adamw", "sgd", "rmsprop", "plain"])
def test_training_goes_on_from_a_file_as_if_nothing_had_happened(kind, variant, path):
    model, X, y = data_of(kind)
    model.set_params(**VARIANTS[variant])
    first = {"classes": model.fit(X, y).classes_} if is_classifier(model) else {}
    model.partial_fit(X, y, **first)
    loaded = reloaded(model, path)
    for _ in range(2):
        assert_same(loaded.partial_fit(X, y), model.partial_fit(X, y), X)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile", "poisson"])
def test_every_loss_is_loaded(loss, path):
    y = np.exp(ROWS[:, 0])
    model = FCNetRegressor(loss, (4,), max_iter=2, random_state=0).fit(ROWS, y)
    assert_same(reloaded(model, path), model, ROWS)
    assert reloaded(model, path).oob_score_ == model.oob_score_


@pytest.mark.parametrize(
    "categories",
    [list("abc"), [1, 5, 7], [0.5, 1.5], [True, False], [(1, 2), (3, 4)], range(50)],
    ids=["text", "integers", "floats", "booleans", "tuples", "many"],
)
def test_tables_with_categories_and_missing_values_are_loaded(categories, path):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=120)
    table = pd.DataFrame(
        {
            "number": np.where(numbers > 1, np.nan, numbers),
            "category": pd.Series(
                [categories[i] for i in rng.integers(0, len(categories), 120)],
                dtype="category",
            ),
        }
    )
    model = FCNetRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(
        table, numbers
    )
    loaded = reloaded(model, path)
    assert_same(loaded, model, table)
    assert list(loaded.feature_names_in_) == ["number", "category"]


@pytest.mark.parametrize(
    ("labels", "dtype"), [("abc", None), ("abc", object), ([10, 20, 30], None)]
)
def test_labels_are_loaded(labels, dtype, path):
    _, X, y = data_of("multiclass")
    y = np.array(list(labels), dtype)[y]
    weight = {labels[0]: 2.0}
    model = FCNetClassifier((4,), max_iter=2, class_weight=weight, random_state=0)
    loaded = reloaded(model.fit(X, y), path)
    assert loaded.class_weight == weight
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def composites():
    net = FCNetClassifier((4,), max_iter=2, random_state=0)
    regressor = FCNetRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    grid = {"fcnetclassifier__alpha": [1e-4, 1.0]}
    columns = ColumnTransformer([("a", StandardScaler(), [0, 1])], remainder="drop")
    return {
        "pipeline": make_pipeline(StandardScaler(), net),
        "columns": make_pipeline(columns, net),
        "search": GridSearchCV(make_pipeline(StandardScaler(), net), grid, cv=2),
        "search with scorers": GridSearchCV(
            net,
            {"hidden_layer_sizes": [(2,), (3, 3)]},
            cv=KFold(2, shuffle=True, random_state=0),
            scoring=["accuracy", "neg_log_loss"],
            refit="accuracy",
        ),
        "transformer": make_pipeline(FCNetTransformer(net), LogisticRegression()),
        "target": TransformedTargetRegressor(regressor, transformer=StandardScaler()),
    }


@pytest.mark.parametrize("name", composites())
def test_models_of_several_steps_are_loaded_without_trusting_more(name, path):
    X, y = ROWS, (ROWS[:, 0] > 0).astype(int)
    model = composites()[name].fit(X, y)
    loaded = reloaded(model, path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    if hasattr(model, "cv_results_"):
        assert loaded.best_params_ == model.best_params_
        assert loaded.score(X, y) == model.score(X, y)


@pytest.mark.parametrize("name", get_scorer_names())
def test_every_scorer_of_scikit_learn_is_trusted(name, path):
    scorer = reloaded(get_scorer(name), path)
    assert repr(scorer) == repr(get_scorer(name))


def test_skops_itself_reads_the_file_with_the_published_types(saved):
    model = io.load(saved, trusted=TRUSTED_TYPES)
    assert_same(model, skfcnet.load(saved), ROWS)


def test_every_trusted_type_of_the_package_is_there():
    for name in TRUSTED_TYPES:
        if name.startswith("skfcnet"):
            module, _, attribute = name.rpartition(".")
            assert hasattr(import_module(module), attribute)


def test_loaded_weights_are_those_that_predict(path):
    model = reloaded(
        FCNetRegressor(hidden_layer_sizes=(4,), max_iter=2).fit(ROWS, ROWS), path
    )
    before = model.predict(ROWS)
    model.intercepts_[-1] = model.intercepts_[-1] + 1
    assert (model.predict(ROWS) > before).all()


# What is refused


def test_every_truncation_is_refused(saved):
    content = saved.read_bytes()
    lengths = range(0, len(content), 1 if IS_LONG else 50)
    for length in [*lengths, *range(len(content) - 150, len(content))]:
        saved.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match=r"model\.skops"):
            skfcnet.load(saved)


def test_every_flipped_bit_is_refused(saved):
    content = bytearray(saved.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(8 * len(content), size=N_FLIPS):
        content[place // 8] ^= 1 << place % 8
        saved.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"model\.skops"):
            skfcnet.load(saved)
        content[place // 8] ^= 1 << place % 8
    saved.write_bytes(content)
    skfcnet.load(saved)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04N.", b"sha256:" * 20])
def test_foreign_files_are_refused(content, path):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.skops.*not a file of"):
        skfcnet.load(path)


def test_files_of_skops_and_of_pickle_are_refused_without_running_them(path):
    io.dump(StandardScaler(), path)
    with pytest.raises(ModelFileError, match=r"not a file of skfcnet\.save"):
        skfcnet.load(path)
    path.write_bytes(pickle.dumps(Touch(path.parent / "touched")))
    with pytest.raises(ModelFileError, match=r"not a file of skfcnet\.save"):
        skfcnet.load(path)
    assert not (path.parent / "touched").exists()


class Touch:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def forged(path, changes=(), remove=(), **manifest):
    """Change members of a file, with a manifest and a digest that are right."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members.pop(MANIFEST)) | manifest
    members |= dict(changes)
    for name in remove:
        del members[name]
    if "sha256" not in manifest:
        description["sha256"] = {
            name: sha256(member).hexdigest() for name, member in members.items()
        }
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
        archive.writestr(MANIFEST, json.dumps(description))
        archive.comment = b"sha256:" + b"0" * 64
    content = buffer.getvalue()[: -len(archive.comment)]
    path.write_bytes(content + b"sha256:" + sha256(content).hexdigest().encode())


def test_a_newer_format_is_refused_with_its_version(saved):
    forged(saved, format=FORMAT + 1, versions={"skfcnet": "99.1"})
    with pytest.raises(ModelFileError, match=r"format 2 of skfcnet 99\.1.*upgrade"):
        skfcnet.load(saved)


@pytest.mark.parametrize("package", ["skfcnet", "scikit-learn", "numpy"])
def test_other_versions_are_warned_of(package, saved):
    versions = {name: version(name) for name in ("skfcnet", "scikit-learn", "numpy")}
    forged(saved, versions=versions | {package: "0.0.7"})
    with pytest.warns(UserWarning, match=rf"{package} 0\.0\.7, and this is") as caught:
        skfcnet.load(saved)
    assert caught[0].filename == __file__


def test_members_that_the_manifest_does_not_list_are_refused(saved):
    with zipfile.ZipFile(saved) as archive:
        listed = json.loads(archive.read(MANIFEST))["sha256"]
    forged(saved, {"more.npy": b""}, sha256=listed)
    with pytest.raises(ModelFileError, match="not those that its manifest lists"):
        skfcnet.load(saved)


@pytest.mark.parametrize(
    "schema", [b"", b"[]", b"{}", b'{"protocol": 99}', b"[" * 10**5]
)
def test_a_schema_that_makes_no_sense_is_refused(schema, saved):
    forged(saved, {"schema.json": schema})
    with pytest.raises(ModelFileError, match=r"model\.skops"):
        skfcnet.load(saved)


def test_types_that_nobody_trusts_are_refused_by_name(path):
    model = make_pipeline(FunctionTransformer(os.getcwd), StandardScaler())
    skfcnet.save(model, path)
    with pytest.raises(TypeError, match=r"posix\.getcwd|nt\.getcwd") as error:
        skfcnet.load(path)
    assert "trusted" in error.value.__notes__[0]
    name = f"{os.getcwd.__module__}.getcwd"
    assert skfcnet.load(path, trusted=[name])[0].func is os.getcwd


def test_trees_have_to_be_trusted_by_name(path):
    X, y = make_classification(random_state=0)
    model = make_pipeline(
        FCNetTransformer(small_classifier()), RandomForestClassifier(2)
    )
    skfcnet.save(model.fit(X, y), path)
    with pytest.raises(TypeError, match=r"sklearn\.tree\._tree\.Tree"):
        skfcnet.load(path)
    loaded = skfcnet.load(path, trusted=["sklearn.tree._tree.Tree"])
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({True: 1.0}, "keys of type bool"),
        ({None: 1.0}, "keys of type NoneType"),
        ({(1, 2): 1.0}, "keys must be str"),
        (pd.Timestamp(2020, 1, 1), "not loaded again.*Timestamp"),
    ],
    ids=["booleans", "None", "tuples", "time stamp"],
)
def test_what_could_not_be_loaded_is_not_saved(part, message, saved):
    content = saved.read_bytes()
    with pytest.raises(TypeError, match=message):
        skfcnet.save(make_pipeline(FunctionTransformer(kw_args={"a": part})), saved)
    assert saved.read_bytes() == content


@pytest.mark.parametrize("function", ["save", "load"])
def test_without_skops_the_error_says_what_to_install(function, saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "skops.io", None)
    arguments = [saved] if function == "load" else [StandardScaler(), saved]
    with pytest.raises(ImportError, match=r"skfcnet\[files\]"):
        getattr(skfcnet, function)(*arguments)


def test_a_file_that_is_not_there_is_an_os_error(path):
    with pytest.raises(FileNotFoundError, match=r"model\.skops"):
        skfcnet.load(path)


# Files of earlier versions


@pytest.mark.filterwarnings("ignore:.*was saved with:UserWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_files_of_format_1_are_loaded(name):
    model = skfcnet.load(GOLDEN / f"format_1_{name}.skops")
    expected = np.load(GOLDEN / f"format_1_{name}.npy")
    rows = np.linspace(-2, 2, 12).reshape(6, 2)
    # Another BLAS may round otherwise.
    np.testing.assert_allclose(main_prediction(model, rows), expected, rtol=1e-5)
    # Parameters that were added since have the value that means what was done then.
    assert model.get_params()["learn_scales"] is False
    y = (rows[:, 0] > 0) if name == "classifier" else rows[:, 0]
    clone(model).fit(rows, y)


# What is never lost


def test_a_file_is_replaced_and_nothing_is_left_beside_it(saved):
    skfcnet.save(StandardScaler(), saved)
    assert repr(skfcnet.load(saved)) == "StandardScaler()"
    assert list(saved.parent.iterdir()) == [saved]


def test_a_folder_that_is_gone_is_an_error(path):
    with pytest.raises(FileNotFoundError, match=r"exists, got '.*gone.model.skops'"):
        skfcnet.save(StandardScaler(), path.parent / "gone" / "model.skops")


def test_what_is_no_path_of_a_file_is_an_error(path):
    with pytest.raises(TypeError, match=r"got StandardScaler\. .*save\(model, path\)"):
        skfcnet.save(path, StandardScaler())
    with pytest.raises(IsADirectoryError, match="must be that of a file"):
        skfcnet.save(StandardScaler(), path.parent)


posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")


@posix
@pytest.mark.parametrize("name", ["model.skops", "model [1]*.skops"])
def test_what_a_killed_process_left_is_removed_by_the_next_save(name, tmp_path):
    path = tmp_path / name
    left, other = (path.with_name(f".{n}.abcdefgh.tmp") for n in (name, "other"))
    for folder in (left, other):
        folder.mkdir()
        (folder / name).write_bytes(b"half a file")
    skfcnet.save(StandardScaler(), path)
    assert set(tmp_path.iterdir()) == {path, other}


def test_several_threads_may_save_to_one_path(path):
    def save(n):
        skfcnet.save([np.full(1000, n)], path)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(40)))
    (array,) = skfcnet.load(path)
    assert (array == array[0]).all()
    assert list(path.parent.iterdir()) == [path]


@posix
def test_the_mode_of_a_file_and_a_symbolic_link_stay(saved):
    saved.chmod(0o640)
    link = saved.with_name("link.skops")
    link.symlink_to(saved)
    skfcnet.save(StandardScaler(), link)
    assert link.is_symlink()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o640
    assert repr(skfcnet.load(saved)) == "StandardScaler()"


@posix
def test_a_new_file_has_the_mode_of_new_files(path):
    (path.parent / "other").touch()
    skfcnet.save(StandardScaler(), path)
    assert path.stat().st_mode == (path.parent / "other").stat().st_mode


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write")
def test_without_permission_the_old_file_is_left(saved):
    content = saved.read_bytes()
    saved.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            skfcnet.save(StandardScaler(), saved)
    finally:
        saved.parent.chmod(0o700)
    assert saved.read_bytes() == content


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
    )


@posix
def test_on_a_full_disk_the_old_file_is_left(saved):
    content = saved.read_bytes()
    script = """
import resource, signal, sys
import numpy as np
import skfcnet
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    skfcnet.save([np.zeros(100_000)], sys.argv[1])
except OSError as error:
    print("OSError", error.errno)
"""
    result = run(script, saved)
    assert result.stdout.startswith("OSError"), result.stderr
    assert saved.read_bytes() == content
    assert list(saved.parent.iterdir()) == [saved]


@posix
def test_killed_while_saving_there_is_a_whole_file(saved):
    """The process saves larger and larger models, until it is killed."""
    script = """
import sys
import numpy as np
import skfcnet
n = 0
while True:
    n += 1
    skfcnet.save([np.full(300_000, n)], sys.argv[1])
    print(n, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, saved], stdout=subprocess.PIPE, text=True
    )
    with process:
        rng = np.random.default_rng()
        for _ in range(3):
            n_saved = int(process.stdout.readline())
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        n_saved = [n_saved, *map(int, process.stdout)][-1]
    (array,) = skfcnet.load(saved)
    assert (array == array[0]).all()
    assert array[0] in (n_saved, n_saved + 1)
