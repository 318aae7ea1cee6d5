"""Files of fitted models, which are safe to load and are never loaded in part.

`skfcnet.save` and `skfcnet.load` store any model that contains estimators of this
package, such as a pipeline or a search. The files are those of `skops
<https://skops.readthedocs.io>`__, which contain no code, with a manifest in addition to
the model. The extra ``skfcnet[files]`` installs skops.

Conventions
-----------
A file is a zip archive of the members that ``skops.io.dump`` writes, and of
``manifest.json``, which says the format, the versions of the packages and the SHA-256
of every other member. The comment at the end of the archive is the SHA-256 of all bytes
before it. ``skops.io.load(path, trusted=TRUSTED_TYPES)`` reads the same file, without
these checks. Arrays are not compressed, and begin at multiples of 64 bytes, so that
they can be mapped into memory.
"""

import io
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from glob import escape
from hashlib import sha256
from mmap import ACCESS_COPY, mmap
from os import PathLike
from pathlib import Path
from struct import pack, unpack
from typing import Any, Literal
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

try:
    import fcntl
except ImportError:  # Windows, where folders cannot be opened, nor locked
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
"""The newest format, and the one that is written."""

MANIFEST = "manifest.json"
"""The name of the member that describes the others."""

PACKAGES = ("skfcnet", "scikit-learn", "numpy")
"""The packages whose versions decide what a model predicts."""

UNFAITHFUL_KEYS = {"bool", "NoneType"}
"""The types of keys of a dict that skops loads as other keys."""

MEMORY_MAP = ("numpy", "memmap")
"""The class of mapped arrays, which skops loads as a file that it does not have."""

DIGEST_LABEL = b"sha256:"
"""What the comment of the archive begins with."""

SCHEMA = "schema.json"
"""The name of the member in which skops describes the objects."""

ALIGNMENT = 64
"""The number of bytes at multiples of which members begin, as NumPy aligns arrays in
its own files."""

HEADER_BYTES = 30
"""The length of the header of a member, before its name and further fields."""

PADDING = 0xD935
"""The number that other tools, too, give to a padding in the header of a member."""

_OWN = {
    "_engine.parameters": "ParamSpec Parameters",
    "_engine.plan": "Stage",
    "_estimators.calibration": "Errors",
    "_estimators.classifier": "FCNetClassifier",
    "_estimators.history": "Epoch History",
    "_estimators.out_of_fold": "OutOfFold",
    "_estimators.regressor": "FCNetRegressor",
    "_estimators.targets._class_weights": "ClassWeights",
    "_estimators.targets._classes": (
        "BinaryTarget MulticlassMultioutputTarget MulticlassTarget MultilabelTarget"
    ),
    "_estimators.targets._numbers": "ContinuousTarget",
    "_estimators.training": "BestEpoch Descent TrainingState",
    "_estimators.transformer": "FCNetTransformer",
    "_tabular.categories": "CategoryEncoder _Column",
    "_tabular.encoder": "Encoder",
    "_tabular.scaling": "Scaler",
    "_tabular.table_reader": "TableReader",
    "_tabular.target_scaler": "TargetScaler",
    "layers._categories": "_initial_vectors",
    "layers._declaration": "Block",
    "layers._pbld": "_initial_frequencies _initial_phases _initial_weights",
    "network": "FullyConnectedNet",
}
_OF_SCIKIT_LEARN = {
    "metrics._classification": (
        "accuracy_score balanced_accuracy_score brier_score_loss d2_brier_score "
        "d2_log_loss_score f1_score jaccard_score log_loss matthews_corrcoef "
        "precision_score recall_score"
    ),
    "metrics._ranking": "average_precision_score roc_auc_score top_k_accuracy_score",
    "metrics._regression": (
        "d2_absolute_error_score explained_variance_score max_error "
        "mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance "
        "mean_poisson_deviance mean_squared_error mean_squared_log_error "
        "median_absolute_error r2_score root_mean_squared_error "
        "root_mean_squared_log_error"
    ),
    "metrics._scorer": (
        "_MultimetricScorer _PassthroughScorer _Scorer negative_likelihood_ratio "
        "positive_likelihood_ratio"
    ),
    "metrics.cluster._supervised": (
        "adjusted_mutual_info_score adjusted_rand_score completeness_score "
        "fowlkes_mallows_score homogeneity_score mutual_info_score "
        "normalized_mutual_info_score rand_score v_measure_score"
    ),
    "model_selection._split": (
        "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut "
        "LeavePGroupsOut LeavePOut PredefinedSplit RepeatedKFold "
        "RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold "
        "StratifiedShuffleSplit TimeSeriesSplit"
    ),
    "utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
}


def _full_names(package, names):
    return [
        f"{package}.{module}.{name}"
        for module, listed in names.items()
        for name in listed.split()
    ]


TRUSTED_TYPES = (
    "builtins.range",
    *_full_names("skfcnet", _OWN),
    *_full_names("sklearn", _OF_SCIKIT_LEARN),
)
"""The types that `load` trusts, in addition to those that skops does: the parts of the
fitted models of this package, and the scorers and splitters of scikit-learn's searches.
Making any of them runs no code but their own, which opens no files and no
connections."""


class ModelFileError(ValueError):
    """A file is damaged, of a newer format, or none that `skfcnet.save` wrote.

    Examples
    --------
    >>> import tempfile
    >>> import skfcnet
    >>> from skfcnet.files import ModelFileError
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     try:
    ...         skfcnet.load(file.name)
    ...     except ModelFileError:
    ...         print("no model")
    no model
    """


def save(model: object, path: str | PathLike[str]) -> None:
    """Save a model to a file that `load` reads.

    The file is written beside its place, to the disk, and then renamed. If that fails,
    or the process is killed meanwhile, an earlier file is left as it was. What a killed
    process leaves behind is a hidden folder that ends in ``.tmp``. It can be deleted,
    and on POSIX systems the next call for the same path does so.

    Parameters
    ----------
    model : object
        The model, such as an estimator, a pipeline or a search, with all its steps.

    path : str or path-like
        The path of the file, in a folder that exists. By convention it ends in
        ``.skops``.

    Raises
    ------
    TypeError
        If a part of the model is of a type that skops cannot save and load, or ``path``
        is not a path.

    OSError
        If the file cannot be written, such as where there is no such folder.

    ImportError
        If skops is missing.

    See Also
    --------
    load : Load a model.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import skfcnet
    >>> X, y = np.arange(20.0).reshape(-1, 1), np.arange(20) > 9
    >>> net = skfcnet.FCNetClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "net.skops"
    ...     skfcnet.save(net, path)
    ...     loaded = skfcnet.load(path)
    >>> np.array_equal(loaded.predict_proba(X), net.predict_proba(X))
    True
    """
    _check_path(path)
    packed = _packed(model)
    _check_can_be_loaded(packed)
    _write(packed, path)


def load(
    path: str | PathLike[str],
    *,
    trusted: Sequence[str | type] = (),
    mmap_mode: Literal["c"] | None = None,
) -> Any:
    """Load a model from a file that `save` wrote.

    Only types of `skfcnet.files.TRUSTED_TYPES`, those that skops trusts, and those that
    you name are loaded; nothing else that a file may contain is run. There is a warning
    if the file was saved with other versions of skfcnet, scikit-learn or NumPy, with
    which predictions may differ.

    Parameters
    ----------
    path : str or path-like
        The path of the file.

    trusted : sequence of str or type, default=()
        Further types that you trust, such as those of the other steps of a pipeline, by
        their full names or as classes.

    mmap_mode : {None, "c"}, default=None
        With "c", as for `numpy.load`, arrays are not read into memory but mapped,
        copy-on-write: processes that load the same file share its memory, and what one
        of them writes to an array, such as by ``coefs_[0] = ...``, remains its own and
        never reaches the file. The whole file is read once, to check it. The file must
        not be changed while the model is in use. `save` replaces it by a new one, which
        leaves the model as it is, but is not possible on Windows.

    Returns
    -------
    model : object
        The model.

    Raises
    ------
    ValueError
        If ``mmap_mode`` is neither None nor "c".

    ModelFileError
        If the file is damaged, of a newer format, or none that `save` wrote.

    TypeError
        If the file contains types that are not trusted: skops'
        ``UntrustedTypesFoundException``, which names them.

    OSError
        If the file cannot be read.

    ImportError
        If skops is missing.

    See Also
    --------
    save : Save a model.

    Examples
    --------
    A pipeline with a function of its own, which has to be trusted by name:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import skfcnet
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> net = skfcnet.FCNetRegressor(max_iter=5, random_state=0)
    >>> model = make_pipeline(FunctionTransformer(np.flip), net).fit(X, X.ravel())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.skops"
    ...     skfcnet.save(model, path)
    ...     try:
    ...         skfcnet.load(path)
    ...     except TypeError as error:
    ...         print(error)
    ...     loaded = skfcnet.load(path, trusted=["numpy.flip"])
    Untrusted types found in the file: ['numpy.flip'].
    >>> np.array_equal(loaded.predict(X), model.predict(X))
    True
    """
    if mmap_mode not in (None, "c"):
        raise ValueError(
            f"mmap_mode must be None or 'c' (copy-on-write), got {mmap_mode!r}: arrays "
            f"of a model can be assigned to, and its file must not change."
        )
    skops = _skops()
    if mmap_mode is None:
        content = io.BytesIO(Path(path).read_bytes())
    else:
        content = _FileMap.of(Path(path))
    with _refusing(path):
        manifest = _checked_manifest(content)
    _warn_of_other_versions(manifest["versions"], path)
    trusted = [*TRUSTED_TYPES, *trusted]
    with _refusing(path):
        if mmap_mode is None:
            return skops.load(content, trusted=trusted)
        return _load_with_maps(content, trusted)


def _skops():
    try:
        import skops.io
    except ImportError as error:
        raise ImportError(
            "Saving and loading models without pickle needs skops: install "
            "skfcnet[files]."
        ) from error
    return skops.io


def _version(package):
    from importlib.metadata import version  # which takes long to load

    return version(package)


# Writing


def _packed(model):
    """Return the content of the file of a model."""
    packed = io.BytesIO()
    digests = {}
    with (
        ZipFile(io.BytesIO(_skops().dumps(model))) as members,
        ZipFile(packed, "w") as archive,
    ):
        for name in members.namelist():
            member = members.read(name)
            if name == SCHEMA:
                member = _with_plain_arrays(member)
            digests[name] = sha256(member).hexdigest()
            # Arrays hardly get smaller, and the schema gets much smaller.
            is_text = name.endswith(".json")
            info = ZipInfo(name) if is_text else _aligned(name, packed.tell())
            archive.writestr(info, member, ZIP_DEFLATED if is_text else ZIP_STORED)
        versions = {package: _version(package) for package in PACKAGES}
        manifest = {"format": FORMAT, "versions": versions, "sha256": digests}
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        archive.comment = _digest(b"")  # for the right length
    content = packed.getbuffer()
    n_before = len(content) - len(archive.comment)
    content[n_before:] = _digest(content[:n_before])
    return content


def _aligned(name, start):
    """Return the header of a member that starts there, with content that is aligned."""
    info = ZipInfo(name)
    n_bytes = -(start + HEADER_BYTES + len(name.encode()) + 4) % ALIGNMENT
    info.extra = pack("<HH", PADDING, n_bytes) + bytes(n_bytes)
    return info


def _with_plain_arrays(schema):
    """Let a schema of skops name arrays of which it cannot load the class as arrays.

    These are memory maps, such as those of a model that joblib has loaded.
    """

    def with_plain_array(node):
        is_map = (node.get("__module__"), node.get("__class__")) == MEMORY_MAP
        return (
            node | {"__module__": "numpy", "__class__": "ndarray"} if is_map else node
        )

    return json.dumps(json.loads(schema, object_hook=with_plain_array)).encode()


def _digest(content):
    return DIGEST_LABEL + sha256(content).hexdigest().encode()


def _check_can_be_loaded(packed):
    """Raise an error for what skops can write but not read, or not faithfully."""
    skops = _skops()
    with ZipFile(io.BytesIO(packed)) as archive:
        schema = json.loads(archive.read(SCHEMA))
    if unfaithful := _key_types(schema) & UNFAITHFUL_KEYS:
        raise TypeError(
            f"The model has a dict with keys of type {' and '.join(unfaithful)}, such "
            f"as a class_weight, which cannot be saved: use strings or integers."
        )
    types = skops.get_untrusted_types(data=packed)
    try:
        skops.loads(packed, trusted=types)
    except MemoryError:
        raise
    except Exception as error:
        raise TypeError(
            f"The model could be saved, but not loaded again ({error}). It has "
            f"parts of the types {types}: replace those that skops does not support, "
            f"such as categories that are time stamps."
        ) from error


def _key_types(node):
    """Return the names of the types of all keys of dicts in a schema of skops."""
    if isinstance(node, list):
        return set().union(*map(_key_types, node))
    if not isinstance(node, dict):
        return set()
    names = set().union(*map(_key_types, node.values()))
    if node.get("__loader__") == "DictNode":
        names |= {kind["__class__"] for kind in node["key_types"]["content"]}
    return names


def _check_path(path):
    """Check that a path is one of a file, in a folder that exists."""
    if not isinstance(path, str | PathLike):
        raise TypeError(
            f"path must be a str or path-like, got {type(path).__name__}. The model "
            f"comes first: skfcnet.save(model, path)."
        )
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"path must lie in a folder that exists, got {str(path)!r}."
        )
    if path.is_dir():
        raise IsADirectoryError(f"path must be that of a file, got {str(path)!r}.")


def _write(content, path):
    """Write a file such that there is always either the old one or the new one."""
    path = Path(path).resolve()  # what a symbolic link points to is replaced
    _remove_abandoned(path)
    with _folder_beside(path) as folder:
        unfinished = folder / path.name
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, unfinished)
        unfinished.replace(path)
    _sync_folder(path.parent)


@contextmanager
def _folder_beside(path):
    """Make a hidden folder beside a file, which is locked as long as it is in use."""
    while True:
        with (
            tempfile.TemporaryDirectory(
                prefix=f".{path.name}.",
                suffix=".tmp",
                dir=path.parent,
                ignore_cleanup_errors=True,
            ) as folder,
            _lock(folder, waits=True),
        ):
            # Before it was locked, somebody may have taken it for an abandoned one.
            if os.path.exists(folder):
                yield Path(folder)
                return


def _remove_abandoned(path):
    """Remove the folders beside a file that processes have left which were killed."""
    for folder in path.parent.glob(f".{escape(path.name)}.{'?' * 8}.tmp"):
        with _lock(folder, waits=False) as is_locked:
            if is_locked:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lock(folder, *, waits):
    """Lock a folder until the context or the process ends; yield whether it is.

    It is not where it is gone, where somebody else has locked it, and where the system
    has no locks.
    """
    with ExitStack() as stack:
        try:
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except OSError:
            yield False
        else:
            yield True


def _sync_folder(folder):
    """Write the new name to the disk, which only POSIX systems leave to the caller."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Reading


@contextmanager
def _refusing(path):
    """Turn whatever a damaged or foreign file leads to into one error."""
    try:
        yield
    except MemoryError:
        raise
    except _skops().exceptions.UntrustedTypesFoundException as error:
        error.add_note(
            f"The file is {str(path)!r}. If you trust who saved it, name these types "
            f"in load(path, trusted=[...])."
        )
        raise
    except Exception as error:
        raise ModelFileError(f"{str(path)!r} cannot be loaded: {error}") from error


def _checked_manifest(content):
    """Return the manifest of a file, all of which is as it was written."""
    with content.getbuffer() as buffer:
        n_before = len(buffer) - len(_digest(b""))
        if buffer[n_before:] != _digest(buffer[:n_before]):
            raise ValueError(
                "it is not a file of skfcnet.save, or it is damaged: its digest is "
                "wrong. Copy the file once more, or save the model again. Other "
                "packages, such as joblib, load their own files."
            )
    with ZipFile(content) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        if manifest["format"] > FORMAT:
            raise ValueError(
                f"it has the format {manifest['format']} of skfcnet "
                f"{manifest['versions']['skfcnet']}, and skfcnet {_version('skfcnet')} "
                f"reads formats up to {FORMAT}: upgrade skfcnet."
            )
        digests = {
            name: sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if name != MANIFEST
        }
    if digests != manifest["sha256"]:
        raise ValueError("its members are not those that its manifest lists.")
    return manifest


def _warn_of_other_versions(versions, path):
    other = [
        f"{package} {versions[package]}, and this is {_version(package)}"
        for package in PACKAGES
        if versions[package] != _version(package)
    ]
    if other:
        warnings.warn(
            f"{str(path)!r} was saved with {'; '.join(other)}. Predictions may differ.",
            stacklevel=3,
        )


# Memory maps


class _FileMap(mmap):
    """A file in memory, whose bytes are read when they are needed."""

    @classmethod
    def of(cls, path):
        """Map a file, such that nothing that is written reaches it."""
        with path.open("rb") as file:
            if not file.peek(1):  # which cannot be mapped
                raise ModelFileError(f"{str(path)!r} cannot be loaded: it is empty.")
            return cls(file.fileno(), 0, access=ACCESS_COPY)

    def seekable(self):  # Python has it from 3.13 on, and ZipFile asks for it
        return True

    def getbuffer(self):
        return memoryview(self)


_ARRAYS: ContextVar[dict[str, NDArray[Any]]] = ContextVar("_ARRAYS")
"""The arrays of the file that is being loaded, by the names of their members."""


def _mapped_array(name):
    return _ARRAYS.get()[name.item()]


def _load_with_maps(content, trusted):
    """Load a model from a file in memory, with the arrays where they are.

    skops is given a small file, in which the arrays are replaced by their names. To
    make an object of another class than ndarray, such as float64, it calls the class
    with the array that is stored. Here, this class is `_mapped_array`.
    """
    arrays, own_name = {}, _mapped_array.__name__

    def with_own_class(node):
        if (node.get("__module__"), node.get("__class__")) != ("numpy", "ndarray"):
            return node
        if "file" not in node:  # an array of objects
            return node
        array = _array_in(content, archive.getinfo(node["file"]))
        if array is None:
            return node
        arrays[node["file"]] = array
        return node | {"__module__": __name__, "__class__": own_name}

    small = io.BytesIO()
    with ZipFile(content) as archive, ZipFile(small, "w") as others:
        schema = json.loads(archive.read(SCHEMA), object_hook=with_own_class)
        others.writestr(SCHEMA, json.dumps(schema))
        for name in {*archive.namelist()} - {SCHEMA, MANIFEST}:
            if name in arrays:
                with others.open(name, "w") as member:
                    np.save(member, np.array(name))
            else:
                others.writestr(name, archive.read(name))
    token = _ARRAYS.set(arrays)
    try:
        return _skops().load(small, trusted=[*trusted, f"{__name__}.{own_name}"])
    finally:
        _ARRAYS.reset(token)


def _array_in(content, info):
    """Return the array that a member of a file in memory is, or None.

    It is None for what is no array, and where earlier versions did not align it.
    """
    if not info.filename.endswith(".npy") or info.compress_type != ZIP_STORED:
        return None
    start = info.header_offset + HEADER_BYTES
    content.seek(start - 4)
    content.seek(start + sum(unpack("<HH", content.read(4))))
    if np.lib.format.read_magic(content) != (1, 0):
        return None
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(content)
    if dtype.hasobject or 0 in shape:  # what has no bytes is nowhere
        return None
    array = np.ndarray(
        shape, dtype, content, content.tell(), order="F" if is_fortran else "C"
    )
    return array if array.flags.aligned else None
