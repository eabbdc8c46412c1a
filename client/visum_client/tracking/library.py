"""MLflow, where it is installed."""

import contextlib
import importlib
import re
from collections.abc import Iterator
from typing import Any

from visum_client.errors import InvalidInputError, NotBuiltError, VisumError

TRACKERS = ("mlflow",)
"""What runs can be tracked with."""
_NOT_A_NAME = re.compile(r"[^\w\-. /]")


def require_tracker(tracker: str | None) -> None:
    """Says before the work begins that it cannot be tracked.

    Raises:
        InvalidInputError: There is no such tracker.
        NotBuiltError: It is not installed.
    """
    if tracker is None:
        return
    if tracker not in TRACKERS:
        raise InvalidInputError(f"is {tracker!r}, must be one of {', '.join(TRACKERS)}", "tracker")
    mlflow_module()


def mlflow_module(name: str = "mlflow") -> Any:
    """A module of MLflow. Raises NotBuiltError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        hint = "pip install 'visum-client[mlflow]'; a database as tracking store needs all of mlflow"
        raise NotBuiltError("MLflow is not installed", "tracker", what_to_do=hint) from error


@contextlib.contextmanager
def tracking(what: str) -> Iterator[Any]:
    """MLflow, whose errors become ours.

    Args:
        what: What is logged, for the error's message.

    Raises:
        VisumError: MLflow fails; what was to be logged is on the disk all the same.
    """
    mlflow = mlflow_module()
    try:
        yield mlflow
    except mlflow.exceptions.MlflowException as error:
        message = f"{what} could not be logged to MLflow at {mlflow.get_tracking_uri()}: {error}"
        advice = "see that the tracking server runs (MLFLOW_TRACKING_URI); the same call logs again"
        raise VisumError(message, "tracker", what_to_do=advice, cause=str(error)) from error


def key(name: str) -> str:
    """A name as MLflow takes those of parameters and metrics."""
    return _NOT_A_NAME.sub("_", name)
