"""Training on a parquet file that is larger than memory, against the same rows in it.

A file of about 2 GB is made from a known function with noise: 20 numeric columns and
a categorical one, sorted by the target, in row groups. One process trains on the file
by ``skfcnet.streaming.fit``, and another one on the same rows in memory by ``fit``.
Printed are the peak memory of each whole process, its seconds, and the error on new
rows: the root mean squared error with respect to the function without noise.

    python benchmarks/stream.py --folder /tmp/stream_data

takes 2 GB of disk for the file, which is deleted in the end, 3 GB more while it is
made or trained on, and 8 GB of memory for the fit in memory. ``--rows`` makes a smaller
file, ``--epochs`` trains for longer, and ``--embedding none`` does without an embedding
of numbers. On Linux.
"""

import argparse
import resource
import subprocess
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

N_NUMERIC = 20
LEVELS = np.array(["amber", "blue", "cyan", "dun", "ecru", "fawn", "gold", "hazel"])
CHUNK = 100_000
N_TEST = 50_000
NOISE = 0.5


def rows(n, seed):
    """Return random rows as a dict of columns, and the function of them."""
    rng = np.random.default_rng([231, seed])
    X = rng.normal(size=(N_NUMERIC, n))
    level = rng.integers(len(LEVELS), size=n)
    f = np.sin(2 * X[0]) + X[1] * X[2] + np.abs(X[3]) + 0.5 * X[4] * (level % 3)
    f += 0.3 * X[5:].sum(axis=0) + 0.2 * level
    columns = {f"x{j}": column for j, column in enumerate(X)}
    return columns | {"colour": LEVELS[level]}, f, rng


def write(path, n_rows):
    """Write the file: rows go to parts by their target, each of which is sorted."""
    import pyarrow as pa
    from pyarrow import parquet

    def table(seed):
        columns, f, rng = rows(CHUNK, seed)
        return pa.table(columns | {"y": f + NOISE * rng.normal(size=CHUNK)})

    n_chunks = max(1, n_rows // CHUNK)
    first = table(0)
    edges = np.quantile(first["y"], np.linspace(0, 1, n_chunks // 2 + 2)[1:-1])
    with TemporaryDirectory(dir=path.parent) as folder:
        parts = [Path(folder) / f"{i}.arrow" for i in range(len(edges) + 1)]
        writers = [pa.ipc.new_file(str(part), first.schema) for part in parts]
        for seed in range(n_chunks):
            chunk = table(seed)
            part_of = np.searchsorted(edges, chunk["y"])
            for i, writer in enumerate(writers):
                writer.write_table(chunk.filter(pa.array(part_of == i)))
        for writer in writers:
            writer.close()
        with parquet.ParquetWriter(path, first.schema) as out:
            for part in parts:
                chunk = pa.ipc.open_file(str(part)).read_all().sort_by("y")
                out.write_table(chunk, row_group_size=CHUNK)
    print(f"{path.stat().st_size / 1e9:.2f} GB, {n_chunks * CHUNK:,} rows")


def report(way, path, epochs, embedding):
    """Train in one way, and print its peak memory, seconds and error."""
    import pandas as pd

    from skfcnet import FCNetRegressor, streaming

    warnings.simplefilter("ignore")
    embedding = None if embedding == "none" else embedding
    net = FCNetRegressor(max_iter=epochs, numeric_embedding=embedding, random_state=0)
    start = perf_counter()
    if way == "stream":
        streaming.fit(net, path, target="y", folder=path.parent)
    else:
        table = pd.read_parquet(path)
        y = table.pop("y")
        net.fit(table, y)
    seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    columns, f, _ = rows(N_TEST, -1 % 2**32)
    error = np.sqrt(np.mean((net.predict(pd.DataFrame(columns)) - f) ** 2))
    print(
        f"{way:7} {peak:7.0f} MB {seconds:7.0f} s, of which epochs "
        f"{sum(net.history_['seconds']):7.0f} s, error {error:.4f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=9_500_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--embedding", default="auto")
    parser.add_argument("--part", default="all")
    parser.add_argument("--only", nargs="+", default=["stream", "memory"])
    arguments = parser.parse_args()
    path = arguments.folder / "rows.parquet"
    if arguments.part == "write":
        write(path, arguments.rows)
    elif arguments.part != "all":
        report(arguments.part, path, arguments.epochs, arguments.embedding)
    else:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        try:
            # Each part is a process of its own, so that its peak is its own.
            for part in ("write", *arguments.only):
                command = [sys.executable, *sys.argv, "--part", part]
                subprocess.run(command, check=True)
        finally:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
