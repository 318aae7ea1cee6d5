"""Time of an epoch on sparse rows, against scikit-learn's multilayer perceptron.

The rows are like the words of newsgroups: 10,000 documents of 60 words, most of them
distinct, out of 50,000, which makes a density of about 0.1 %, in 20 classes. A fifth of
the words of a document are from the few hundred that belong to its class; the others
are frequent or rare as words are, whatever the class. Both train the same network, 100
hidden units by Adam, in one process, in turns. Printed are medians: seconds per epoch,
and the ratio within a turn, how many times longer scikit-learn takes; and the final
losses, which show that the work was the same.

    python benchmarks/sparse_fit.py

takes about three minutes on two cores.
"""

from functools import partial
from statistics import median

import numpy as np
from _common import ESTIMATORS, WORKLOADS, interleaved, parsed, print_header, ratio
from scipy.sparse import csr_array
from sklearn.preprocessing import normalize

N_DOCUMENTS, N_WORDS, N_CLASSES = 10_000, 50_000, 20
LENGTH, OWN_WORDS = 60, 500


def documents(dtype):
    """Return counts of words, scaled to unit norm in each row, and the classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(N_CLASSES, size=(N_DOCUMENTS, 1))
    shape = N_DOCUMENTS, LENGTH
    frequencies = 1 / np.arange(1, N_WORDS + 1)
    words = rng.choice(N_WORDS, size=shape, p=frequencies / frequencies.sum())
    words_of_classes = rng.permutation(N_WORDS)[: N_CLASSES * OWN_WORDS]
    own = words_of_classes[y * OWN_WORDS + rng.integers(OWN_WORDS, size=shape)]
    words = np.where(rng.random(shape) < 0.2, own, words).astype(np.int32)
    ends = np.arange(0, words.size + 1, LENGTH, dtype=np.int32)
    counts = csr_array(
        (np.ones(words.size, dtype), words.ravel(), ends), shape=(N_DOCUMENTS, N_WORDS)
    )
    counts.sum_duplicates()
    return normalize(counts), y.ravel()


def main():
    arguments = parsed(__doc__, epochs=2, repeats=5)
    print_header()
    print(
        f"{'input':>8} {'skfcnet':>9} {'sklearn':>9} {'ratio':>6}"
        f"   {'loss':>7} {'loss':>7}   (seconds per epoch)"
    )
    settings = WORKLOADS["100"] | {"max_iter": arguments.epochs}
    for dtype in ("float32", "float64"):
        X, y = documents(dtype)
        fits = {
            name: partial(kind(**settings).fit, X, y)
            for name, kind in ESTIMATORS.items()
        }
        times, fitted = interleaved(fits, arguments.repeats)
        ours, theirs = (np.divide(t, arguments.epochs) for t in times.values())
        our_loss, their_loss = (models[-1].loss_ for models in fitted.values())
        print(
            f"{dtype:>8} {median(ours):9.3f} {median(theirs):9.3f} "
            f"{ratio(theirs, ours):6.2f}   {our_loss:7.4f} {their_loss:7.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
