"""Learning-rate schedules, alone and as the solver follows them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffolding import a_net, a_solver, some_data
from skfcnet.schedules import SCHEDULES
from skfcnet.update_rules import sgd

names = pytest.mark.parametrize("name", SCHEDULES)


@names
@given(n_steps=st.integers(1, 10**6), data=st.data())
def test_factors_are_plain_floats_from_0_to_1(name, n_steps, data):
    step = data.draw(st.integers(0, n_steps - 1))
    factor = SCHEDULES[name].function(step, n_steps)
    assert type(factor) is float
    assert 0 <= factor <= 1


@names
def test_only_a_schedule_with_a_horizon_depends_on_the_number_of_steps(name):
    schedule = SCHEDULES[name]
    short, long = (
        [schedule.function(step, n_steps) for step in range(1, 10)]
        for n_steps in (10, 1000)
    )
    assert (short != long) == schedule.has_horizon


@pytest.mark.parametrize("name", [n for n in SCHEDULES if SCHEDULES[n].has_horizon])
def test_a_schedule_with_a_horizon_ends_near_zero(name):
    assert SCHEDULES[name].function(99_999, 100_000) < 1e-3


def test_invscaling_counts_steps_not_rows():
    factors = [SCHEDULES["invscaling"].function(t, 9, power_t=1.0) for t in range(4)]
    np.testing.assert_allclose(factors, [1, 1 / 2, 1 / 3, 1 / 4])


def test_coslog4_returns_to_zero_where_each_wave_ends():
    ends = [150 * (2**k - 1) // 15 for k in range(5)]
    assert ends == [0, 10, 30, 70, 150]
    for end in ends:
        assert SCHEDULES["coslog4"].function(end, 150) == pytest.approx(0, abs=1e-12)


def rates_of(solver, n_epochs):
    """Return the learning rate of every step."""
    rates, update = [], solver._update
    original = type(update).__call__

    class Watched(type(update)):
        def __call__(self):
            rates.append(self.learning_rate)
            return original(self)

    update.__class__ = Watched
    for _ in range(n_epochs):
        solver.train_epoch()
    return rates


def a_scheduled_solver(**options):
    """Return a solver whose epochs have four steps, at a rate of 0.1 at first."""
    options = {"batch_size": 10, "optim_config": {"learning_rate": 0.1}} | options
    return a_solver(
        net=a_net("regression", dtype=np.float64),
        data=some_data("regression", n=40, dtype=np.float64),
        update_rule=sgd,
        **options,
    )


@names
def test_the_solver_follows_the_schedule_step_by_step(name):
    rates = rates_of(a_scheduled_solver(schedule=name, num_epochs=3), 3)
    expected = [0.1 * SCHEDULES[name].function(step, 12) for step in range(12)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


@names
def test_a_solver_that_starts_later_goes_on_where_another_ended(name):
    whole = rates_of(a_scheduled_solver(schedule=name, num_epochs=3), 3)
    # 2 epochs of 4 steps are behind it, one is to come.
    rest = rates_of(a_scheduled_solver(schedule=name, num_epochs=1, first_step=8), 1)
    assert rest == whole[8:]


def test_warm_up_rises_in_proportion_and_ends():
    rates = rates_of(a_scheduled_solver(warmup_epochs=1.5, num_epochs=2), 2)
    expected = 0.1 * np.minimum(np.arange(1, 9) / 6, 1)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_decay_after_every_epoch_comes_on_top():
    rates = rates_of(
        a_scheduled_solver(schedule="invscaling", lr_decay=0.5, num_epochs=2), 2
    )
    decay = np.repeat([1, 0.5], 4)
    np.testing.assert_allclose(rates, 0.1 * decay / np.sqrt(np.arange(1, 9)))


def test_the_numbers_of_a_schedule_can_be_set():
    rates = rates_of(
        a_scheduled_solver(schedule="invscaling", schedule_config={"power_t": 1.0}), 1
    )
    np.testing.assert_allclose(rates, 0.1 / np.arange(1, 5))


def dropout_of(solver, n_epochs):
    """Return the probability of dropping a unit in every step."""
    found, options = [], solver._passes._dropout["dropout1"]
    original = solver._update

    def recording():
        found.append(options["p"])
        return original()

    recording.learning_rate = original.learning_rate
    solver._update = recording
    for _ in range(n_epochs):
        solver.train_epoch()
    return found


@names
def test_dropout_falls_with_wsd_alone(name):
    solver = a_scheduled_solver(schedule=name, num_epochs=4)
    found = dropout_of(solver, 4)
    p = solver.model.dropout
    assert found[:8] == [p] * 8
    if name == "wsd":
        factors = [SCHEDULES["wsd"].function(step, 16) for step in range(8, 16)]
        np.testing.assert_allclose(found[8:], p * np.array(factors) ** 4)
    else:
        assert found[8:] == [p] * 8


def test_dropout_falls_where_a_schedule_is_finished_early():
    solver = a_scheduled_solver(schedule="wsd", num_epochs=20)
    p = solver.model.dropout
    assert dropout_of(solver, 1) == [p] * 4
    solver.finish_schedule(2)
    found = dropout_of(solver, 2)
    assert found[0] == p
    assert found[-1] < 1e-4
    assert found == sorted(found, reverse=True)


def test_dropout_falls_the_same_when_training_is_continued():
    whole = dropout_of(a_scheduled_solver(schedule="wsd", num_epochs=3), 3)
    rest = dropout_of(a_scheduled_solver(schedule="wsd", num_epochs=1, first_step=8), 1)
    assert rest == whole[8:]


def test_an_unknown_schedule_is_refused_by_name():
    with pytest.raises(ValueError, match=r"schedule must be one of .*got 'linear'"):
        a_scheduled_solver(schedule="linear")


@pytest.mark.parametrize("max_grad_norm", [1e-3, 0.5])
def test_gradients_longer_than_max_grad_norm_are_scaled_to_it(max_grad_norm):
    solver = a_scheduled_solver(max_grad_norm=max_grad_norm, batch_size=40)
    before = solver.model.params.trainable.copy()
    free = a_scheduled_solver(batch_size=40)
    solver.train_epoch()
    free.train_epoch()
    step = solver.model.params.trainable - before
    free_step = free.model.params.trainable - before
    norm = np.linalg.norm(free_step) / 0.1
    expected = free_step * min(1, max_grad_norm / norm)
    np.testing.assert_allclose(step, expected, rtol=1e-3, atol=1e-8)
    assert (norm > max_grad_norm) == (max_grad_norm == 1e-3) or norm > 0.5
