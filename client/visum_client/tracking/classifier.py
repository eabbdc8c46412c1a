"""Logs a specialized classifier to MLflow as a model, and registers it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visum_client.report.views import read_view
from visum_client.run import Run
from visum_client.specialization.specialized import Specialized
from visum_client.tracking.library import mlflow_module, tracking

_READER = Path(__file__).with_name("exported_model.py")
"""MLflow keeps this file with the model and runs it where the model is loaded."""
_REQUIREMENTS = {".pt2": "torch>=2.10", ".onnx": "onnxruntime"}


@dataclass(frozen=True)
class LoggedModel:
    """A specialized classifier in MLflow."""

    run_id: str
    """Id of the run of MLflow."""
    uri: str
    """Of the model."""
    name: str | None = None
    """Of the registered model; None: it is not registered."""
    version: int | None = None
    """Of the registered model."""


def log_specialized(
    result: Specialized, runs: Sequence[Run], register: str | None = None, alias: str | None = None
) -> LoggedModel:
    """Logs a specialized classifier: parameters, accuracies, card, and the file as a model with signature and example.

    Args:
        result: What `specialize` made.
        runs: The runs that it was made of.
        register: Name of the registered model that it becomes a version of; None registers nothing.
        alias: Alias of the registered model that points to this version from then on.

    Raises:
        NotBuiltError: MLflow is not installed.
        VisumError: MLflow fails.
    """
    with tracking("the classifier") as mlflow:
        card = json.loads(result.card.read_text(encoding="utf-8"))
        tags = {"visum.sha256": result.sha256, "visum.model": card["specialization"]["network"]["name"]}
        with mlflow.start_run(run_name=f"specialized {card['name']}", nested=True, tags=tags) as logged:
            mlflow.log_params({name: getattr(result, name) for name in ("layer", "combination", "weight", "c")})
            mlflow.log_param("summaries", ", ".join(result.summaries))
            mlflow.log_metrics(_accuracies(result))
            mlflow.log_artifact(str(result.card))
            model = _log_model(mlflow, result, card, runs, register)
        version = None if register is None else int(model.registered_model_version)
        if register is not None and alias is not None:
            mlflow.MlflowClient().set_registered_model_alias(register, alias, str(version))
        return LoggedModel(logged.info.run_id, model.model_uri, register, version)


def _log_model(
    mlflow: Any, result: Specialized, card: dict[str, Any], runs: Sequence[Run], register: str | None
) -> Any:
    """The file and its card with the code that reads them: nothing is pickled."""
    side = card["preprocessing"]["crop"]
    types = mlflow_module("mlflow.types")
    models = mlflow_module("mlflow.models")

    def tensor(*shape: int) -> Any:
        return types.Schema([types.TensorSpec(np.dtype(np.float32), (-1, *shape))])

    return mlflow.pyfunc.log_model(
        name="specialized",
        python_model=str(_READER),
        artifacts={"network": str(result.path), "card": str(result.card)},
        signature=models.ModelSignature(inputs=tensor(3, side, side), outputs=tensor(len(card["classes"]))),
        input_example=_example(card, runs),
        pip_requirements=[f"mlflow=={mlflow.__version__}", "numpy", _REQUIREMENTS[result.path.suffix]],
        registered_model_name=register,
        metadata={"sha256": result.sha256},
    )


def _example(card: dict[str, Any], runs: Sequence[Run]) -> NDArray[np.float32] | None:
    """A view of one of the runs, as the network takes it, [1, 3, S, S]."""
    views = (read_view(run.folder, path.stem) for run in runs for path in sorted(run.path.glob("views/*.jpg")))
    found = next(views, None)
    if found is None:
        return None
    pixels = found.astype(np.float32) / 255
    mean, std = (np.array(card["preprocessing"][name], np.float32) for name in ("mean", "std"))
    return np.ascontiguousarray(((pixels - mean) / std).transpose(2, 0, 1)[None])


def _accuracies(result: Specialized) -> dict[str, float]:
    overall, targets = result.overall, result.target_classes
    return {
        "accuracy_before": overall.before,
        "accuracy_after": overall.after,
        "target_accuracy_before": targets.before,
        "target_accuracy_after": targets.after,
        "corrected": float(len(result.outcome.corrected)),
        "spoiled": float(len(result.outcome.spoiled)),
    }
