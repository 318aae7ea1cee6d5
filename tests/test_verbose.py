"""What verbose prints."""

import pytest

from scaffolding import any_solver, data_of, short_fits

pytestmark = [short_fits, any_solver]


def printed(capsys, model, X, y, **arguments):
    model.fit(X, y, **arguments)
    return capsys.readouterr().out.splitlines()


def test_verbose_prints_a_line_an_epoch_and_how_it_ended(capsys):
    model, X, y = data_of("regression")
    model.set_params(max_iter=12, learning_rate="constant", verbose=True)
    *lines, last = printed(capsys, model, X, y)
    assert len(lines) == model.n_iter_ == 12
    assert len({len(line) for line in lines}) == 1  # aligned
    assert lines[8].startswith(f"Epoch  9/12  loss {model.loss_curve_[8]:12.6f}  learn")
    assert last == "Trained to the end, epoch 12 of 12."
    *lines, last = printed(capsys, model.set_params(verbose=5), X, y)
    assert [line.split("  loss")[0] for line in lines] == ["Epoch  5/12", "Epoch 10/12"]
    assert last == "Trained to the end, epoch 12 of 12."
    assert not printed(capsys, model.set_params(verbose=0), X, y)


@pytest.mark.parametrize(
    ("kind", "changes", "name"),
    [
        ("binary", {"scoring": None}, "accuracy"),
        ("regression", {"scoring": None}, "R^2"),
        ("regression", {"loss": "huber"}, "loss"),
        ("binary", {"scoring": "neg_log_loss"}, "neg_log_loss"),
        ("multiclass", {"scoring": "loss"}, "loss"),
    ],
)
def test_verbose_names_the_score_and_the_epoch_that_is_kept(
    capsys, kind, changes, name
):
    model, X, y = data_of(kind)
    model.set_params(
        max_iter=50,
        learning_rate="constant",
        learning_rate_init=0.1,
        n_iter_no_change=3,
        early_stopping=True,
        verbose=True,
        **changes,
    )
    *lines, last = printed(capsys, model, X, y)
    best = model.best_iteration_
    scores = (
        model.validation_loss_curve_ if name == "loss" else model.validation_scores_
    )
    assert f"validation {name} {scores[0]:12.6f}" in lines[0]
    assert last == (
        f"Stopped after epoch {model.n_iter_} of 50: there was no improvement by "
        f"tol=0.0001 for 3 epochs. Epoch {best} is kept: validation "
        f"{name} {scores[best - 1]:.6f}."
    )


@pytest.mark.parametrize("n_members", [2, 3])
@pytest.mark.parametrize("scoring", ["loss", "r2"])
def test_verbose_names_the_epoch_that_each_member_keeps(capsys, scoring, n_members):
    model, X, y = data_of("regression")
    model.set_params(n_members=n_members, early_stopping=True, scoring=scoring)
    model.set_params(verbose=True, learning_rate_init=0.1, max_iter=30)
    model.set_params(n_iter_no_change=30)
    *_, last = printed(capsys, model, X, y)
    score = model.best_validation_score_ * (-1 if scoring == "loss" else 1)
    kept = ", ".join(map(str, model.best_iteration_))
    assert last == (
        f"Trained to the end, epoch 30 of 30. The members keep epochs {kept}: "
        f"mean validation {scoring} {score:.6f}."
    )


def test_verbose_calls_what_lbfgs_does_iterations(capsys):
    model, X, y = data_of("regression")
    model.set_params(solver="lbfgs", max_iter=3, verbose=True)
    *lines, last = printed(capsys, model, X, y)
    assert lines[0].startswith("Iteration 1/3  loss ")
    assert "learning rate" not in lines[0]
    assert last == "Trained to the end, iteration 3 of 3."
    model.set_params(max_iter=500, hidden_layer_sizes=())
    *_, last = printed(capsys, model, X, y)
    assert f"Stopped after iteration {model.n_iter_} of 500: no element of" in last


def test_verbose_prints_the_epochs_of_partial_fit(capsys):
    model, X, y = data_of("regression")
    model.set_params(verbose=True).partial_fit(X, y).partial_fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  loss")[0] for line in lines] == ["Epoch    1", "Epoch    2"]
