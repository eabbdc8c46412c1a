"""Runs and classifiers in a real MLflow: a database as store, and a tracking server on the loopback."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.client.conftest import OPTIONS
from tests.report.drawn_runs import World, write_run_folder
from tests.support.class_runs import draw_images, write_network, write_runs
from tests.support.servers import running
from visum_client import Client, Run, VisumError
from visum_client.cli import main
from visum_client.commands.run import parse_options
from visum_client.report import write_report
from visum_client.tags import summaries_digest
from visum_client.tracking import log_coherency, log_runs
from visum_specializer.server import SpecializerSettings, build

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server(mlflow, tmp_path_factory):
    """A tracking server."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += [
        "--backend-store-uri",
        f"sqlite:///{folder}/runs.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    process = subprocess.Popen([sys.executable, "-m", "mlflow", *words], cwd=folder, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 240
        while not _answers(address):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(params=["database", "server"])
def store(request, mlflow, tmp_path, monkeypatch):
    """MLflow on a database, then on the server; the address is where people put it."""
    if request.param == "server":
        address = request.getfixturevalue("server")
    else:
        address = f"sqlite:///{tmp_path}/runs.db"
        monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", tmp_path.name)
    mlflow.set_tracking_uri(None)
    mlflow.tracking.fluent._active_experiment_id = None
    if request.param == "database":
        mlflow.create_experiment(tmp_path.name, artifact_location=(tmp_path / "artifacts").as_uri())
    return mlflow.MlflowClient()


def drawn_run(folder: Path, **changes) -> Run:
    run = Run.load(write_run_folder(folder, World(**changes)))
    write_report(run.path)
    return run


def logged(store, name: str) -> list:
    experiment = store.get_experiment_by_name(name)
    return store.search_runs([experiment.experiment_id])


def test_a_run_has_parameters_metrics_artifacts_dataset_and_tags(store, tmp_path):
    run = drawn_run(tmp_path / "run")
    found = store.get_run(log_runs([run]))
    assert found.info.status == "FINISHED"
    assert found.data.params["model.name"] == "tinynet"
    assert found.data.params["images.sha256"] == "cd" * 32
    assert found.data.metrics["summaries"] == 3
    assert found.data.metrics["drop"] == pytest.approx(np.mean([summary.drop for summary in run.summaries]))
    areas = [image.mask.area for image in run.images if image.status == "used"]
    assert found.data.metrics["mask_area"] == pytest.approx(np.mean(areas))
    drops = store.get_metric_history(found.info.run_id, "summary_drop")
    assert {entry.step: entry.value for entry in drops} == {s.index + 1: s.drop for s in run.summaries}
    assert found.data.tags["visum.target"] == "painted bird"
    (dataset,) = found.inputs.dataset_inputs
    assert dataset.dataset.digest == "cd" * 16
    assert {entry.path for entry in store.list_artifacts(found.info.run_id)} == {"report.html", "run"}
    copy = Path(store.download_artifacts(found.info.run_id, "run", str(tmp_path)))
    assert Run.load(copy).summaries == run.summaries
    assert len(list((copy / "masks").iterdir())) == len(list((run.path / "masks").iterdir()))


def test_several_runs_are_nested_in_one(store, tmp_path):
    runs = [drawn_run(tmp_path / "a"), drawn_run(tmp_path / "b", summaries=2)]
    parent = store.get_run(log_runs(runs, "two networks"))
    assert parent.data.metrics["mean_summaries"] == 2.5
    children = [run for run in logged(store, tmp_path.name) if run.info.run_id != parent.info.run_id]
    assert [run.data.tags["mlflow.parentRunId"] for run in children] == [parent.info.run_id] * 2


def test_coherency_goes_to_the_runs_of_these_summaries(store, tmp_path):
    # Of other images than those of other tests, which share the server.
    run, other = drawn_run(tmp_path / "a", images=10), drawn_run(tmp_path / "b", summaries=2)
    tagged, untagged = log_runs([run]), log_runs([other])
    assert log_coherency(summaries_digest(run.summaries), 0.25) == 1
    assert store.get_run(tagged).data.metrics["coherency"] == 0.25
    assert "coherency" not in store.get_run(untagged).data.metrics


def test_classes_are_run_and_tracked_by_one_command(store, services, network, pictures, tmp_path, capsys):
    folders = tmp_path / "classes"
    folders.mkdir()
    (folders / "striped").symlink_to(pictures)
    (folders / "plain").mkdir()
    (folders / "plain" / "one.png").symlink_to(pictures / "0.png")
    words = ["run", "--model", str(network), "--all-targets", "--images", str(folders), "--out", str(tmp_path / "runs")]
    options = [word for option in OPTIONS for word in ("--option", option)]
    assert main([*words, *options, "--services", services.addresses, "--mlflow"]) == 1
    runs = logged(store, tmp_path.name)
    by_name = {run.info.run_name: run for run in runs}
    parent = by_name["stripes: 2 classes"]
    assert parent.data.metrics | {"runs": 1, "failed": 1} == parent.data.metrics
    assert by_name["plain"].info.status == "FAILED"
    assert "visum.error" in by_name["plain"].data.tags
    assert by_name["stripes: striped"].data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert by_name["stripes: striped"].data.metrics["images_used"] == 6


def test_a_single_run_is_tracked(store, services, network, pictures, tmp_path):
    with Client.connect(services.addresses) as client:
        common = {"model": network, "target": "striped", "images": pictures, "progress": False}
        client.summarize(**common, out=tmp_path / "run", tracker="mlflow", **parse_options(list(OPTIONS)))
    (found,) = logged(store, tmp_path.name)
    assert found.data.params["mask.iterations"] == "20"
    assert found.data.tags["visum.service.mask"].endswith(" on cpu")


def test_a_registered_classifier_predicts_what_its_file_does(mlflow, store, tmp_path, monkeypatch):
    # Reports are drawn elsewhere: the folders here hold no masks.
    monkeypatch.setattr("visum_client.specialization.specialize.write_report", lambda path: path)
    network = write_network(tmp_path)
    training, validation = draw_images(tmp_path / "train", 0), draw_images(tmp_path / "validation", 100)
    runs = write_runs(tmp_path / "runs", network, training)
    name = f"colours-{os.path.basename(tmp_path)}"
    Image.new("RGB", (32, 32), (150, 60, 60)).save(runs[0] / "views" / f"{'ab' * 32}.jpg")
    settings = SpecializerSettings(port=0, model_dir=str(tmp_path), trust_model_dir=True, device="cpu")
    with running(build(settings), settings) as server, Client.connect(f"specializer=127.0.0.1:{server.port}") as client:
        common = {"train": training, "validation": validation, "weights": network, "progress": False}
        common |= {"tracker": "mlflow", "register": name, "alias": "champion"}
        result = client.specialize(runs, out=tmp_path / "specialized.pt2", **common)
    version = store.get_model_version_by_alias(name, "champion")
    assert int(version.version) == 1
    loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = torch.export.load(result.path).module()(images).softmax(dim=1)
    np.testing.assert_allclose(loaded.predict(images.numpy()), expected.detach().numpy(), atol=1e-6)
    signature = loaded.metadata.signature
    assert signature.inputs.inputs[0].shape == (-1, 3, 32, 32)
    assert signature.outputs.inputs[0].shape == (-1, 4)
    folder = mlflow.artifacts.download_artifacts(f"models:/{name}@champion")
    assert loaded.metadata.load_input_example(folder).shape == (1, 3, 32, 32)
    (run,) = [run for run in logged(store, tmp_path.name) if run.data.tags.get("visum.sha256") == result.sha256]
    assert run.data.metrics["accuracy_after"] == result.overall.after
    assert "specialized.json" in {entry.path for entry in store.list_artifacts(run.info.run_id)}


def test_a_store_that_does_not_answer_is_named_and_the_run_is_kept(mlflow, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    mlflow.set_tracking_uri(None)
    run = drawn_run(tmp_path / "run")
    with pytest.raises(VisumError, match=r"could not be logged to MLflow at http://127\.0\.0\.1:1"):
        log_runs([run])
    assert Run.load(run.path).status == "complete"
