"""The callback that writes the history of fits for TensorBoard."""

from os import PathLike
from pathlib import Path
from uuid import uuid4

from skfcnet.callbacks._watcher import Watcher, last_epoch


class TensorBoard(Watcher):
    """Callback that writes losses, scores and learning rates for TensorBoard.

    Every epoch adds the columns of ``history_`` as scalars. Each fit has a folder of
    its own in ``log_dir``, whose name begins with the time and with the class of the
    estimator, so that the fits of a search are told apart. The curves are shown, also
    while networks are trained, by ``tensorboard --logdir LOG_DIR``.

    Parameters
    ----------
    log_dir : str or path-like
        The folder for all fits, which is made if it is missing.

    Raises
    ------
    ImportError
        If tensorboardX is missing. The extra ``skfcnet[watch]`` installs it.

    See Also
    --------
    MLflow : Callback that records fits with MLflow.

    Notes
    -----
    Set the callback on the network itself, also in a pipeline or a search. Setting it
    needs scikit-learn 1.9. The files are written by tensorboardX, which needs neither
    TensorFlow nor PyTorch.

    Examples
    --------
    >>> from skfcnet import FCNetRegressor
    >>> from skfcnet.callbacks import TensorBoard
    >>> net = FCNetRegressor()
    >>> net.set_callbacks(TensorBoard("runs")).fit(X, y)  # doctest: +SKIP
    """

    def __init__(self, log_dir: str | PathLike[str]) -> None:
        _tensorboardX()
        super().__init__()
        self.log_dir = Path(log_dir)

    def _open(self, estimator, context):
        name = f"{context.init_time:%Y-%m-%d-%H%M%S}-{type(estimator).__name__}"
        folder = self.log_dir / f"{name}-{uuid4().hex[:8]}"
        return _tensorboardX().SummaryWriter(str(folder))

    def _watch(self, fit, estimator, *, is_last):
        if is_last:
            return
        epoch, row = last_epoch(estimator)
        for name, value in row.items():
            fit.add_scalar(name, value, epoch)
        fit.flush()

    def _close(self, fit):
        fit.close()


def _tensorboardX():
    try:
        import tensorboardX
    except ImportError as error:
        raise ImportError(
            "TensorBoard needs tensorboardX: pip install 'skfcnet[watch]'."
        ) from error
    return tensorboardX
