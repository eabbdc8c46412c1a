"""Specializing: from drawn runs of two classes to one file, through a real specializer service."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from visum.v1 import specializer_pb2

from tests.support.class_runs import COLOURS, NAMES, SIDE, draw_images, write_network, write_run, write_runs
from tests.support.networks import SmallNetwork, classifier_of, export
from tests.support.servers import RunningServer, running
from visum_client import Client, InvalidInputError, NotFoundError, PreconditionError, Run, Specialized
from visum_client.cli import BAD_USAGE, FAILURE, main
from visum_client.commands.specialize import COMMAND
from visum_client.files import file_digest
from visum_client.specialization.labelled_images import find_labelled_images
from visum_models.networks import load_exported_program
from visum_models.repository import ModelRepository, ModelSettings
from visum_specializer.classifier_store import ClassifierStore
from visum_specializer.server import SpecializerSettings, build


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def server(network: Path) -> Iterator[RunningServer]:
    settings = SpecializerSettings(port=0, model_dir=str(network.parent), trust_model_dir=True, device="cpu")
    with running(build(settings), settings) as started:
        yield started


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    with Client.connect(f"specializer=127.0.0.1:{server.port}") as connected:
        yield connected


def make_data(folder: Path) -> Path:
    """train/ and validation/ with eight images of two classes each."""
    draw_images(folder / "train", 0)
    draw_images(folder / "validation", 100)
    return folder


def make_runs(data: Path, network: Path) -> list[Path]:
    return write_runs(data, network, data / "train")


def images_of(data: Path, name: str) -> list[Path]:
    return sorted((data / "train" / name).iterdir())


def specialize(client: Client, runs: list[Path], data: Path, **changes: Any) -> Specialized:
    given = {"train": data / "train", "validation": data / "validation", "out": data / "out" / "better.pt2"}
    return client.specialize(runs, **given | changes)


@pytest.fixture(autouse=True, scope="module")
def reports() -> Iterator[None]:
    """Reports are drawn elsewhere: the folders here hold no masks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("visum_client.specialization.specialize.write_report", lambda path: path)
        yield


@pytest.fixture(scope="module")
def made_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def made(client: Client, made_of: Path, network: Path) -> Specialized:
    return specialize(client, make_runs(made_of, network), made_of, cache=made_of / "cache")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path)


@pytest.fixture
def runs(data: Path, network: Path) -> list[Path]:
    return make_runs(data, network)


def test_the_card_tells_what_the_file_is_made_of(made, network):
    card = json.loads(made.card.read_text())
    told = card["specialization"]
    assert made.sha256 == card["sha256"] == hashlib.sha256(made.path.read_bytes()).hexdigest()
    assert card["classes"] == list(NAMES)
    assert told["network"]["sha256"] == file_digest(network)
    assert [(entry["class"]["name"], entry["id"], entry["images"]) for entry in told["summaries"]] == [
        ("red", "S1", 4),
        ("red", "S2", 4),
        ("green", "S1", 8),
    ]
    assert told["data"]["train"]["images"] == told["data"]["validation"]["images"] == 16
    assert told["data"]["train"]["sha256"] != told["data"]["validation"]["sha256"]
    assert 0 < told["weight"] == made.weight
    assert told["validation_accuracy"]["overall"] == vars(made.overall)


def test_the_file_is_a_network_that_names_the_images_as_was_said(made, made_of):
    trusted = ModelSettings(made.path.parent, trusted_sha256=frozenset({made.sha256}), standard_weights=False)
    network = ModelRepository(trusted).load("small-specialized")
    right = 0
    for name in COLOURS:
        for path in sorted((made_of / "validation" / name).iterdir()):
            logits = network.logits(network.to_pixels(np.asarray(Image.open(path)))[None])
            right += int(logits.argmax()) == NAMES.index(name)
    assert right == round(16 * made.overall.after) > round(16 * made.overall.before)
    assert len(made.outcome.corrected) - len(made.outcome.spoiled) == right - round(16 * made.overall.before)


def test_a_class_without_summaries_keeps_what_the_network_gives_it(client, made_of, made):
    assert made.summaries == ("red S1", "red S2", "green S1")
    again = specialize(
        client,
        [made_of / name for name in ("red", "green", "blue")],
        made_of,
        combination="network_share",
        cache=made_of / "cache",
        out=made_of / "share.pt2",
    )
    pixels = torch.rand(3, 3, SIDE, SIDE)
    after = load_exported_program(again.path).module()(pixels).exp()
    before = classifier_of(SmallNetwork(), len(NAMES)).logits(pixels).softmax(dim=1)
    torch.testing.assert_close(after[:, [0, 3]], before[:, [0, 3]], atol=1e-5, rtol=0)


def test_the_same_call_writes_the_same_card_and_an_image_is_embedded_once(client, server, made, made_of):
    written, before = json.loads(made.card.read_text())["specialization"], embeds(server)
    runs = [made_of / name for name in ("red", "green", "blue")]
    again = specialize(client, runs, made_of, cache=made_of / "cache", out=made_of / "again.pt2")
    assert json.loads(again.card.read_text())["specialization"] == written
    assert embeds(server) == before


def embeds(server: RunningServer) -> float:
    samples = [sample for metric in server.service.metrics.calls.collect() for sample in metric.samples]
    return sum(s.value for s in samples if s.labels.get("method", "").endswith("/Embed") and s.name.endswith("_total"))


def test_each_runs_folder_keeps_the_corrected_images_of_its_class(client, data, runs):
    result = specialize(client, runs, data)
    for folder, name in zip(runs, COLOURS, strict=False):
        content = json.loads((folder / "specialization.json").read_text())
        mine = [entry for entry in result.outcome.corrected if NAMES[entry.image.target] == name]
        assert [entry["digest"] for entry in content["corrected"]] == [entry.image.digest for entry in mine]
        assert content["classifier"]["sha256"] == result.sha256
        for entry in content["corrected"]:
            assert entry["after"]["name"] == name != entry["before"]["name"]
            assert entry["summary"] in {summary.id for summary in Run.load(folder).summaries}
            assert Image.open(folder / "views" / f"{entry['digest']}.jpg").size == (SIDE, SIDE)
    assert result.outcome.corrected


def test_the_runs_own_views_stay_as_they_are(client, data, runs):
    own = {folder / "views" / f"{file_digest(path)}.jpg" for folder, path in own_images(data, runs)}
    for view in own:
        view.write_bytes(b"as the run saw it")
    assert specialize(client, runs, data).outcome.corrected
    assert {view.read_bytes() for view in own} == {b"as the run saw it"}


def own_images(data: Path, runs: list[Path]) -> list[tuple[Path, Path]]:
    """The validation images of each run's class, with its folder."""
    pairs = zip(runs, COLOURS, strict=False)
    return [(folder, path) for folder, name in pairs for path in (data / "validation" / name).iterdir()]


def test_a_server_that_does_not_hold_the_classifier_gets_it_along_once(client, data, runs, monkeypatch):
    sent: list[str] = []
    find = ClassifierStore.find

    def forgetful(store: ClassifierStore, reference: specializer_pb2.ClassifierRef) -> specializer_pb2.Classifier:
        sent.append(reference.WhichOneof("source"))
        found = find(store, reference)
        store._kept.clear()
        return found

    monkeypatch.setattr(ClassifierStore, "find", forgetful)
    assert specialize(client, runs, data).path.exists()
    assert sent.count("sha256") == 16 + 1  # predictions and the export
    assert 16 <= sent.count("classifier") <= 17


def test_folders_may_be_called_by_name_by_index_or_by_wordnet_id(data):
    (data / "train" / "red").rename(data / "train" / "1")
    (data / "train" / "green").rename(data / "train" / "n01234567_Green")
    (data / "train" / "1" / "copy.png").write_bytes((data / "train" / "1" / "0.png").read_bytes())
    found = find_labelled_images(data / "train", NAMES, "train")
    assert sorted(image.target for image in found) == [1] * 8 + [2] * 8


@pytest.mark.long
def test_onnx_is_written_where_the_ending_asks_for_it(client, runs, data):
    result = specialize(client, runs, data, out=data / "better.onnx", combination="literal")
    assert result.combination == "literal"
    assert json.loads(result.card.read_text())["architecture"] == "onnx"


def test_a_model_of_another_digest_than_the_runs_is_refused(client, runs, data, tmp_path):
    other = tmp_path / "other.pt2"
    export(SmallNetwork(seed=1), other)
    with pytest.raises(InvalidInputError, match="has sha256 .*, the runs were made with") as caught:
        specialize(client, runs, data, weights=other)
    assert caught.value.field == "weights"
    assert not (data / "out").exists()


def refused_place(client: Client, runs: list[Path], data: Path, out: Path, **changes: Any) -> str:
    """Why nothing is written there; what lies there is as it was."""
    before = {path: path.read_bytes() for path in out.parent.iterdir() if path.is_file()}
    with pytest.raises(InvalidInputError) as caught:
        specialize(client, runs, data, out=out, **changes)
    assert caught.value.field == "out"
    assert {path: path.read_bytes() for path in out.parent.iterdir() if path.is_file()} == before
    return caught.value.message


def test_nothing_is_written_over_another_file_or_its_card(client, runs, data, network):
    own = data / "mine.pt2"
    own.write_bytes(network.read_bytes())
    shared = "would share its card with .*mine.pt2"
    assert "is the network that is specialized" in refused_place(client, runs, data, own, weights=own)
    assert re.search(shared, refused_place(client, runs, data, data / "mine.onnx"))
    foreign = "mine.json is not the card of"
    for card in ('{"classes": []}', '{"sha256": "0"}', "no card"):
        own.with_suffix(".json").write_text(card)
        assert foreign in refused_place(client, runs, data, own)
    own.unlink()
    assert foreign in refused_place(client, runs, data, data / "mine.onnx")


def test_a_classifier_may_be_written_anew(client, runs, data):
    first = specialize(client, runs, data, combination="literal", cache=data / "cache")
    again = specialize(client, runs, data, combination="network_share", cache=data / "cache")
    assert again.path == first.path
    assert json.loads(again.card.read_text())["sha256"] == file_digest(again.path) != first.sha256


def test_runs_that_do_not_go_together_are_refused(client, runs, data, network):
    red = images_of(data, "red")
    twice = write_run(data / "twice", network, "red", [red])
    foreign = write_run(data / "foreign", data / "train" / "red" / "0.png", "blue", [red])
    unfinished = write_run(data / "unfinished", network, "blue", [red], status="running")
    none = write_run(data / "none", network, "blue", [])
    for given, text in (
        ([], "at least one"),
        ([runs[0], twice], "both of the class 'red'"),
        ([runs[0], foreign], "different networks"),
        ([unfinished], "is running"),
        ([none], "none of the runs has a summary"),
    ):
        with pytest.raises(InvalidInputError, match=text) as caught:
            specialize(client, given, data)
        assert caught.value.field == "runs"


def test_one_image_in_a_summary_is_a_clear_error(client, runs, data, network):
    red = images_of(data, "red")
    lonely = write_run(data / "lonely", network, "red", [red[:7], red[7:]])
    with pytest.raises(PreconditionError, match="'red S2' has 1 of the training images"):
        specialize(client, [lonely, runs[1]], data)


def test_an_image_that_cannot_be_decoded_is_left_out(client, runs, data, caplog):
    for folder in ("train", "validation"):
        whole = data / folder / "green" / "7.png"
        whole.write_bytes(whole.read_bytes()[:200])
    made = specialize(client, runs, data, combination="literal")
    told = json.loads(made.card.read_text())["specialization"]["data"]
    assert told["train"]["images"] == told["validation"]["images"] == 15
    assert made.overall.images == 15
    assert sum("green/7.png: " in record.getMessage() for record in caplog.records) == 2


def test_images_of_which_none_can_be_decoded_are_refused(client, runs, data):
    for path in (data / "validation").glob("*/*.png"):
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InvalidInputError, match="none of its images can be read") as caught:
        specialize(client, runs, data)
    assert caught.value.field == "validation"


def test_data_that_cannot_be_trained_on_is_refused_by_name(client, runs, data):
    train, validation = data / "train", data / "validation"
    with pytest.raises(InvalidInputError, match="is not a folder"):
        specialize(client, runs, data, train=data / "nowhere")
    with pytest.raises(InvalidInputError, match="has no folders"):
        specialize(client, runs, data, validation=validation / "red")
    with pytest.raises(InvalidInputError, match="must end in"):
        specialize(client, runs, data, out=data / "better.bin")
    with pytest.raises(InvalidInputError, match="'sum', must be one of"):
        specialize(client, runs, data, combination="sum")
    (validation / "red" / "again.png").write_bytes((train / "red" / "0.png").read_bytes())
    with pytest.raises(InvalidInputError, match=r"again\.png is the same file as red/0\.png") as caught:
        specialize(client, runs, data)
    assert caught.value.field == "validation"
    (validation / "red" / "again.png").unlink()
    (train / "red" / "0.png").rename(train / "green" / "wrong.png")
    with pytest.raises(InvalidInputError, match=r"green/wrong\.png is of another class, .* 'red S1'"):
        specialize(client, runs, data)
    (train / "blue").mkdir()
    with pytest.raises(InvalidInputError, match="no images in") as caught:
        specialize(client, runs, data)
    assert caught.value.field == "train"
    (train / "blue").rmdir()
    (train / "dog").mkdir()
    with pytest.raises(NotFoundError, match="no class 'dog'"):
        specialize(client, runs, data)


def test_the_command_prints_one_object_or_a_few_lines_and_takes_any_layer(server, runs, data, capsys):
    words = ["specialize", *map(str, runs), "--train", str(data / "train"), "--validation", str(data / "validation")]
    words += ["--out", str(data / "better.pt2"), "--services", f"specializer=127.0.0.1:{server.port}"]
    assert main([*words, "--layer", "features.2", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["specialized"] == str(data / "better.pt2")
    assert figures["layer"] == "features.2"
    assert figures["validation_accuracy"]["overall"]["images"] == 16
    assert "3 summaries" in COMMAND.show(figures)
    assert main([*words, "--layer", "fc9"]) == FAILURE
    assert "no layer 'fc9'" in capsys.readouterr().err
    assert main([*words, "--seed", "-1"]) == BAD_USAGE
