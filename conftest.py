"""What must be settled before anything is imported, and what is not collected."""

import os

# SciPy reads it when it is imported; without it, scikit-learn skips a check.
os.environ["SCIPY_ARRAY_API"] = "1"
os.environ["MPLBACKEND"] = "Agg"
if "PYTEST_XDIST_WORKER" in os.environ:
    # As many workers as cores: threads of BLAS would wait for each other.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"

from importlib.util import find_spec

# Callbacks came with scikit-learn 1.9, and so did the examples that use them. Examples
# of training on shards, of files and of ONNX need extras.
needed = {
    "skfcnet/callbacks": "sklearn.callback",
    "skfcnet/distributed.py": "dask",
    "skfcnet/files.py": "skops",
    "skfcnet/onnx": "skl2onnx",
}
collect_ignore = [path for path, module in needed.items() if not find_spec(module)]
