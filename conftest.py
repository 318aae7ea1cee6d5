"""What pytest does not collect: examples of what this scikit-learn does not have."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("sklearn.callback") else ["skfcnet/callbacks.py"]
