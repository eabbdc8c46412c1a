"""Logs finished runs to MLflow."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from visum_client.class_folders import ClassRun
from visum_client.run import Run
from visum_client.tags import summaries_digest
from visum_client.tracking.library import key, mlflow_module, tracking

COHERENCY = "coherency"
"""Metric of a run whose summaries people have tagged."""
SUMMARIES_TAG = "visum.summaries"
"""Digest of the summaries: files of tags tell the same."""
_DIGEST_LENGTH = 32
"""MLflow keeps at most 36 characters of a dataset's digest."""
_PARAMETERS_AT_ONCE = 100
_FILES = ("run.json", "images.json", "summaries.json", "parts.npz", "specialization.json")
_FOLDERS = ("views", "masks")


def log_runs(runs: Sequence[Run | ClassRun], name: str = "visum") -> str:
    """Logs complete runs: one as a run of MLflow, several as nested runs of one.

    Where they go is as MLflow has it: MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME, or what the program has set.
    Where a run of MLflow is active in this thread, they are nested in it.

    Args:
        runs: The runs; of several classes or networks, also those that failed.
        name: Name of the run that holds several.

    Returns:
        Id of the run of MLflow; of several, that of the run that holds them.

    Raises:
        NotBuiltError: MLflow is not installed.
        RunFolderError: A run is not complete.
        VisumError: MLflow fails.
    """
    with tracking("the runs") as mlflow:
        if len(runs) == 1 and isinstance(runs[0], Run):
            return _log_run(mlflow, runs[0])
        with mlflow.start_run(run_name=name, nested=True) as parent:
            for run in runs:
                _log_one(mlflow, run)
            found = [run if isinstance(run, Run) else run.run for run in runs]
            complete = [run for run in found if run is not None]
            mlflow.log_metrics({"runs": len(complete), "failed": len(runs) - len(complete)} | _means(complete))
            return str(parent.info.run_id)


def log_coherency(summaries: str, coherency: float) -> int:
    """Logs how far people agree on a run's summaries, in every run of MLflow that is of these summaries.

    Args:
        summaries: Digest of the summaries, as files of tags tell it.
        coherency: Mean distance between people who tag the same summary.

    Returns:
        How many runs of MLflow got it.
    """
    with tracking("the coherency") as mlflow:
        query = f"tags.`{SUMMARIES_TAG}` = '{summaries}'"
        found = mlflow.search_runs(search_all_experiments=True, filter_string=query, output_format="list")
        for run in found:
            mlflow.log_metric(COHERENCY, coherency, run_id=run.info.run_id)
        return len(found)


def metrics(run: Run) -> dict[str, float]:
    """The figures of a complete run: means over its summaries, and over the masks of the images that take part."""
    masks = [image.mask for image in run.used_images if image.mask]
    found = {
        "summaries": float(len(run.summaries)),
        "parts": float(sum(len(summary.members) for summary in run.summaries)),
        "images_used": float(len(run.used_images)),
        "images": float(len(run.images)),
    }
    lists = {
        "drop": [summary.drop for summary in run.summaries],
        "ssim": [summary.ssim for summary in run.summaries if summary.ssim is not None],
        "necessity": [summary.necessity.mean for summary in run.summaries if summary.necessity],
        "mask_area": [mask.area for mask in masks],
        "mask_drop": [mask.drop_binary for mask in masks],
    }
    seconds = {f"seconds_{name}": float(stage["seconds"]) for name, stage in run.stages.items() if stage.get("seconds")}
    return found | {name: float(np.mean(values)) for name, values in lists.items() if values} | seconds


def _log_one(mlflow: Any, run: Run | ClassRun) -> None:
    found = run if isinstance(run, Run) else run.run
    if found is not None:
        _log_run(mlflow, found)
    elif isinstance(run, ClassRun):
        with mlflow.start_run(run_name=run.name, nested=True):
            mlflow.set_tag("visum.error", str(run.error))
            mlflow.end_run("FAILED")


def _log_run(mlflow: Any, run: Run) -> str:
    configuration = run.configuration
    values = metrics(run)
    target = configuration["target"]["name"]
    tags = _tags(run)
    with mlflow.start_run(run_name=f"{configuration['model']['name']}: {target}", nested=True, tags=tags) as logged:
        _log_parameters(mlflow, dict(_flat(configuration)))
        mlflow.log_metrics(values)
        for summary in run.summaries:
            mlflow.log_metrics({"summary_images": summary.images, "summary_drop": summary.drop}, step=summary.index + 1)
        mlflow.log_input(_dataset(run, target), context="summaries")
        _log_files(mlflow, run)
        return str(logged.info.run_id)


def _means(runs: Sequence[Run]) -> dict[str, float]:
    tables = [metrics(run) for run in runs]
    names = ("summaries", "drop", "mask_area")
    found = {name: [table[name] for table in tables if name in table] for name in names}
    return {f"mean_{name}": float(np.mean(values)) for name, values in found.items() if values}


def _tags(run: Run) -> dict[str, str]:
    configuration, versions = run.configuration, run.versions
    services = versions.get("services", {}).items()
    return {
        "visum.model": configuration["model"]["name"],
        "visum.target": configuration["target"]["name"],
        "visum.version": str(versions.get("client", "")),
        SUMMARIES_TAG: summaries_digest(run.summaries),
        **{f"visum.service.{name}": f"{told.get('version')} on {told.get('device')}" for name, told in services},
    }


def _log_parameters(mlflow: Any, values: Mapping[str, Any]) -> None:
    named = [(key(name), str(value)) for name, value in values.items() if value is not None]
    for first in range(0, len(named), _PARAMETERS_AT_ONCE):
        mlflow.log_params(dict(named[first : first + _PARAMETERS_AT_ONCE]))


def _dataset(run: Run, target: str) -> Any:
    """The images by the digest of their digests; images.json lists them."""
    source = mlflow_module("mlflow.data.dataset_source_registry").resolve_dataset_source(
        str(run.folder.images.absolute())
    )
    digest = run.configuration["images"]["sha256"][:_DIGEST_LENGTH]
    return mlflow_module("mlflow.data.meta_dataset").MetaDataset(source, name=f"images of {target}", digest=digest)


def _log_files(mlflow: Any, run: Run) -> None:
    mlflow.log_artifact(str(run.report))
    for name in _FILES:
        if (run.path / name).exists():
            mlflow.log_artifact(str(run.path / name), "run")
    for name in _FOLDERS:
        mlflow.log_artifacts(str(run.path / name), f"run/{name}")


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
