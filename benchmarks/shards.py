"""How well members learn from shards of the rows, and whether averaging learns more.

Rows that no machine holds can be learned from in two ways. In an ensemble over shards,
each member is trained on its own shard, and their predictions are averaged. In local
stochastic gradient descent, all shards train copies of one network, whose parameters
are replaced by their mean in every round; what the update rule has stored stays where
it is. Both are trained for the same number of epochs of a shard.

What is sent for each shard is counted in vectors of parameters: one for an ensemble,
as many as there are rounds for averaging. An ensemble with several members on each
shard sends as many vectors as it has members there.

    python benchmarks/shards.py
    python benchmarks/shards.py --tables kin40k --seeds 5

Errors are root mean squared errors on rows that are held out, divided by the standard
deviation of the target: means over seeds of the split into shards.
"""

import os
from pathlib import Path

import numpy as np
from _common import parsed, print_header
from sklearn.datasets import fetch_california_housing

from skfcnet import FCNetRegressor
from skfcnet._engine.members import ensemble_of_members
from skfcnet._estimators.automatic import max_epochs
from skfcnet._estimators.shards import (
    encoded_shard,
    join_copies,
    join_members,
    mean_vector,
    start_on_sample,
    train_on_shard,
)

DATA = Path(os.environ.get("SKFCNET_DATA", "."))
N_TEST = 4000


def kin40k():
    with np.load(DATA / "tabular" / "kin40k.npz") as arrays:
        return arrays["X"], arrays["y"].ravel()


def california():
    folder = DATA / "scikit_learn_data"
    return fetch_california_housing(
        data_home=folder, return_X_y=True, download_if_missing=False
    )


TABLES = {"kin40k": kin40k, "california": california}


def ensemble_over_shards(X, y, shards, n_epochs, seed, *, members_per_shard=1):
    """Return an ensemble, of which every member is trained on one of the shards."""
    shards = [shard for shard in shards for _ in range(members_per_shard)]
    model = FCNetRegressor(n_members=len(shards), random_state=seed)
    draft = start_on_sample(model, X, y)
    trained = [
        train_on_shard(
            draft,
            ensemble_of_members(draft._net, [member]),
            encoded_shard(draft, X[shard], y[shard]),
            member,
            n_epochs,
        )
        for member, shard in enumerate(shards)
    ]
    join_members(draft, trained)
    return draft


def averaged_over_shards(X, y, shards, n_epochs, seed, *, n_rounds):
    """Return a network whose copies are trained on shards and averaged in rounds."""
    draft = start_on_sample(FCNetRegressor(random_state=seed), X, y)
    rows = [encoded_shard(draft, X[shard], y[shard]) for shard in shards]
    weights = [len(shard) for shard in shards]
    copies, vector = [None] * len(shards), None
    for pause in np.linspace(0, n_epochs, n_rounds + 1).round().astype(int)[1:]:
        copies = [
            train_on_shard(
                draft,
                draft._net,
                own,
                shard,
                n_epochs,
                vector=vector,
                earlier=earlier,
                pause=pause,
            )
            for shard, (own, earlier) in enumerate(zip(rows, copies, strict=True))
        ]
        vector = mean_vector([copy.vector for copy in copies], weights)
    join_copies(draft, copies, weights)
    return draft


def whole(X, y, shards, n_epochs, seed, *, n_members=1):
    """Return an ensemble that is trained on all rows."""
    model = FCNetRegressor(n_members=n_members, early_stopping=False, random_state=seed)
    return model.fit(X, y)


def methods(n_shards):
    """Return what is compared, by name, with its options."""
    return {
        "all rows, 1 member": (whole, {}),
        "all rows, a member for each shard": (whole, {"n_members": n_shards}),
        "ensemble, 1 member on each shard": (ensemble_over_shards, {}),
        "ensemble, 4 members on each shard": (
            ensemble_over_shards,
            {"members_per_shard": 4},
        ),
        **{
            f"averaging in {n} rounds": (averaged_over_shards, {"n_rounds": n})
            for n in (1, 4, 16)
        },
        "averaging after each epoch": (averaged_over_shards, {"n_rounds": None}),
    }


def main():
    arguments = parsed(__doc__, tables=TABLES, seeds=3, only="")
    print_header()
    for table in arguments.tables:
        X, y = TABLES[table]()
        for n_shards in (2, 4, 8):
            print(f"\n{table}, {n_shards} shards", flush=True)
            for name, (train, options) in methods(n_shards).items():
                if arguments.only not in name:
                    continue
                errors = [
                    error(train, options, X, y, n_shards, seed)
                    for seed in range(arguments.seeds)
                ]
                spread = np.std(errors)
                print(f"  {name:36s} {np.mean(errors):.4f} ± {spread:.4f}", flush=True)


def error(train, options, X, y, n_shards, seed):
    rng = np.random.default_rng(seed)
    test, *shards = np.split(rng.permutation(len(y)), cuts(len(y), n_shards))
    rows = np.sort(np.concatenate(shards))
    places = [np.searchsorted(rows, shard) for shard in shards]
    n_epochs = max_epochs(FCNetRegressor(), len(rows) // n_shards)
    options = {k: n_epochs if v is None else v for k, v in options.items()}
    model = train(X[rows], y[rows], places, n_epochs, seed, **options)
    residuals = model.predict(X[test]) - y[test]
    return np.sqrt(np.mean(residuals**2)) / y.std()


def cuts(n, n_shards):
    """Return where the test rows and all shards but the last end."""
    return np.linspace(N_TEST, n, n_shards + 1).astype(int)[:-1]


if __name__ == "__main__":
    main()
