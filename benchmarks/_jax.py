"""A training loop compiled by JAX, on the work of a scikit-learn-like workload.

A whole epoch is one compiled program, which scans over the minibatches. It is compiled
for a network and a number of rows once in a process.
"""

from functools import cache, partial
from itertools import pairwise

import jax
import jax.numpy as jnp
from _common import widths
from jax import lax, random

BETA1, BETA2, EPSILON, MOMENTUM = 0.9, 0.999, 1e-8, 0.9
"""The defaults of scikit-learn."""


def initial(sizes, key):
    """Return the weights and biases of every layer."""
    keys = random.split(key, len(sizes) - 1)
    return [
        (random.normal(k, shape) * jnp.sqrt(2 / shape[0]), jnp.zeros(shape[1]))
        for k, shape in zip(keys, pairwise(sizes), strict=True)
    ]


def cross_entropy(params, x, y):
    """Return the mean loss of some rows."""
    for w, b in params[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = params[-1]
    log_p = jax.nn.log_softmax(x @ w + b)
    return -jnp.take_along_axis(log_p, y[:, jnp.newaxis], axis=1).mean()


def adam(params, grads, state, rate):
    """Return parameters and state after a step of Adam."""
    m, v, t = state
    t += 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, grads)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, grads)
    scale, root = 1 / (1 - BETA1**t), jnp.sqrt(1 - BETA2**t)

    def moved(p, m, v):
        return p - rate * scale * m / (jnp.sqrt(v) / root + EPSILON)

    return jax.tree.map(moved, params, m, v), (m, v, t)


def nesterov(params, grads, state, rate):
    """Return parameters and state after a step with momentum in Nesterov's form."""
    velocity, *rest = state
    velocity = jax.tree.map(lambda v, g: MOMENTUM * v - rate * g, velocity, grads)

    def moved(p, v, g):
        return p + MOMENTUM * v - rate * g

    return jax.tree.map(moved, params, velocity, grads), (velocity, *rest)


UPDATES = {"adam": adam, "sgd": nesterov}
"""The update of every ``solver``."""


@cache
def compiled(solver, rate, l2, batch_size):
    """Return the compiled function that trains an epoch."""
    update = UPDATES[solver]

    def step(X, y, carry, rows):
        params, state = carry
        loss, grads = jax.value_and_grad(cross_entropy)(params, X[rows], y[rows])
        penalty = [(l2 * w, jnp.zeros_like(b)) for w, b in params]
        grads = jax.tree.map(jnp.add, grads, penalty)
        return update(params, grads, state, rate), loss * len(rows)

    @partial(jax.jit, donate_argnums=0)
    def epoch(carry, key, X, y):
        order = random.permutation(key, len(X))
        n_full = len(X) // batch_size
        full, rest = jnp.split(order, [n_full * batch_size])
        batches = full.reshape(n_full, batch_size)
        carry, losses = lax.scan(partial(step, X, y), carry, batches)
        total = losses.sum()
        if len(rest):
            carry, last = step(X, y, carry, rest)
            total += last
        return carry, total / len(X)

    return epoch


def fit(settings, X, y):
    """Train a network; return the loss of the last epoch, without the penalty."""
    key = random.key(settings["random_state"])
    params = initial(widths(settings, X, y), key)
    # Buffers that are donated must not be one and the same.
    zeros = [jax.tree.map(jnp.zeros_like, params) for _ in range(2)]
    batch_size = settings["batch_size"]
    epoch = compiled(
        settings["solver"],
        settings["learning_rate_init"],
        settings["alpha"] / batch_size,
        batch_size,
    )
    X, y, carry = jnp.asarray(X), jnp.asarray(y), (params, (*zeros, jnp.zeros(())))
    for of_epoch in random.split(key, settings["max_iter"]):
        carry, loss = epoch(carry, of_epoch, X, y)
    return float(loss)
