"""Training on streams of batches, whose rows together do not fit into memory.

`fit` trains an estimator on files, on tables of Arrow, on dask frames, or on batches
that a function makes. The rows are read twice, however many epochs there are.
"""

from skfcnet.streaming._fit import fit

__all__ = ["fit"]
