"""The callback that records fits with MLflow."""

from time import time

from skfcnet.callbacks._watcher import Watcher, last_epoch


class MLflow(Watcher):
    """Callback that records parameters, losses and scores of fits with MLflow.

    Each fit is a run: with the parameters of the estimator, and with the columns of
    ``history_`` as metrics of every epoch. When the fit has ended, ``best_loss`` or
    ``best_validation_score`` follows. The run is one below the active run, if there is
    one, and is marked as failed if the fit fails. The model itself is not logged:
    `skfcnet.save` writes it to a file.

    Parameters
    ----------
    experiment_name : str, default=None
        The experiment, which is made if it is missing. None is that of the active run,
        or otherwise MLflow's default experiment.

    tracking_uri : str, default=None
        Where MLflow keeps the runs. None is what ``mlflow.get_tracking_uri`` returns at
        the time at which the callback is made.

    Raises
    ------
    ImportError
        If MLflow is missing. The extra ``skfcnet[watch]`` installs mlflow-skinny.

    See Also
    --------
    TensorBoard : Callback that writes the history of fits for TensorBoard.

    Notes
    -----
    Set the callback on the network itself, also in a pipeline or a search. Setting it
    needs scikit-learn 1.9.

    Examples
    --------
    >>> from skfcnet import FCNetRegressor
    >>> from skfcnet.callbacks import MLflow
    >>> net = FCNetRegressor()
    >>> net.set_callbacks(MLflow("houses")).fit(X, y)  # doctest: +SKIP
    """

    def __init__(
        self, experiment_name: str | None = None, *, tracking_uri: str | None = None
    ) -> None:
        mlflow = _mlflow()
        super().__init__()
        self.experiment_name = experiment_name
        self.tracking_uri = tracking_uri or mlflow.get_tracking_uri()

    def _open(self, estimator, context):
        mlflow = _mlflow()
        client = mlflow.MlflowClient(self.tracking_uri)
        parent = mlflow.active_run()
        run = client.create_run(
            self._experiment_id(client, parent),
            run_name=type(estimator).__name__,
            tags={} if parent is None else {"mlflow.parentRunId": parent.info.run_id},
        )
        fit = _Run(client, run.info.run_id)
        fit.log_parameters(estimator.get_params(deep=False))
        return fit

    def _experiment_id(self, client, parent):
        """Return the id of the experiment, which is made if it is missing."""
        if self.experiment_name is None:
            return "0" if parent is None else parent.info.experiment_id
        experiment = client.get_experiment_by_name(self.experiment_name)
        if experiment is None:
            return client.create_experiment(self.experiment_name)
        return experiment.experiment_id

    def _watch(self, fit, estimator, *, is_last):
        epoch, row = last_epoch(estimator)
        if is_last:
            names = ("best_loss", "best_validation_score")
            best = {name: getattr(estimator, f"{name}_") for name in names}
            row = {name: value for name, value in best.items() if value is not None}
            fit.has_succeeded = True
        fit.log_metrics(row, epoch)

    def _close(self, fit):
        fit.end()


class _Run:
    """A run of MLflow."""

    def __init__(self, client, run_id):
        self._client, self._run_id = client, run_id
        self.has_succeeded = False

    def log_parameters(self, parameters):
        from mlflow.entities import Param

        values = [Param(name, str(value)) for name, value in parameters.items()]
        self._client.log_batch(self._run_id, params=values)

    def log_metrics(self, metrics, epoch):
        from mlflow.entities import Metric

        now = int(1000 * time())
        values = [Metric(name, value, now, epoch) for name, value in metrics.items()]
        self._client.log_batch(self._run_id, metrics=values)

    def end(self):
        status = "FINISHED" if self.has_succeeded else "FAILED"
        self._client.set_terminated(self._run_id, status)


def _mlflow():
    try:
        import mlflow
    except ImportError as error:
        raise ImportError(
            "MLflow needs mlflow-skinny: pip install 'skfcnet[watch]'."
        ) from error
    return mlflow
