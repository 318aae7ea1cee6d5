"""Training on batches of rows, when all rows together do not fit into memory.

`fit` trains an estimator on files, on Arrow tables, on dask frames, or on batches that
a function returns. The rows are read twice, however many epochs there are.
"""

from skfcnet.streaming._fit import fit

__all__ = ["fit"]
