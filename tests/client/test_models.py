"""Which network is meant, and what local services are given of it."""

import hashlib
import json

import pytest

from visum_client.errors import InvalidInputError
from visum_client.models import GivenModel, ModelFolder, find_model

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "mine.pth"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models"
    path.mkdir()
    return ModelFolder(path)


def test_a_name_alone_is_left_to_the_service():
    assert find_model("resnet50") == GivenModel("resnet50")


def test_a_name_with_a_file(weights):
    assert find_model("resnet50", weights) == GivenModel("resnet50", DIGEST, weights)


def test_a_file_alone_is_called_by_its_stem_or_its_card(weights):
    assert find_model(weights) == GivenModel("mine", DIGEST, weights)
    weights.with_suffix(".json").write_text('{"name": "my network"}')
    assert find_model(str(weights)).name == "my network"


@pytest.mark.parametrize(
    ("model", "file", "field"),
    [("gone.pt2", None, "model"), ("resnet50", "gone.pth", "weights"), ("resnet50", "w.bin", "weights")],
)
def test_a_missing_file_is_an_error_that_names_it(tmp_path, model, file, field):
    with pytest.raises(InvalidInputError, match=file or model) as caught:
        find_model(model, tmp_path / file if file else None)
    assert caught.value.field == field


def test_two_files_are_one_too_many(weights):
    with pytest.raises(InvalidInputError, match="leave weights out"):
        find_model(weights, weights)


def test_a_damaged_card_is_an_error_that_names_it(weights):
    weights.with_suffix(".json").write_text("[")
    with pytest.raises(InvalidInputError, match=r"mine\.json"):
        find_model(weights)


def test_services_are_given_the_file_and_its_card(models, weights):
    weights.with_suffix(".json").write_text('{"classes": ["a", "b"], "architecture": "vgg11"}')
    models.add(find_model("resnet50", weights))
    link = models.path / f"{DIGEST}.pth"
    assert link.resolve() == weights
    assert json.loads(link.with_suffix(".json").read_text()) == {
        "name": "resnet50",
        "sha256": DIGEST,
        "architecture": "vgg11",
        "classes": ["a", "b"],
    }


def test_a_file_without_a_card_gets_one(models, weights):
    models.add(find_model("squeezenet1_1", weights))
    card = json.loads((models.path / f"{DIGEST}.json").read_text())
    assert card == {"name": "squeezenet1_1", "sha256": DIGEST, "architecture": "squeezenet1_1"}
    program = weights.rename(weights.with_suffix(".pt2"))
    models.add(find_model(program))
    assert json.loads((models.path / f"{DIGEST}.json").read_text())["architecture"] == "exported program"


@pytest.mark.parametrize("card", ["no card", "[]"])
def test_a_damaged_card_is_told_by_the_file_that_it_is_of(weights, card):
    weights.with_suffix(".json").write_text(card)
    with pytest.raises(InvalidInputError, match="mine.json") as caught:
        find_model(weights)
    assert caught.value.field == "weights"


def test_a_card_of_another_file_is_refused(models, weights):
    weights.with_suffix(".json").write_text(json.dumps({"sha256": "0" * 64}))
    with pytest.raises(InvalidInputError, match="its card says 000"):
        models.add(find_model(weights))


def test_a_file_that_was_written_anew_replaces_its_older_self(models, weights):
    models.add(find_model(weights))
    weights.write_bytes(b"trained longer")
    models.add(find_model(weights))
    assert len(list(models.path.iterdir())) == 2
    assert not (models.path / f"{DIGEST}.pth").is_symlink()


def test_a_file_that_was_moved_is_found_again(models, weights, tmp_path):
    models.add(GivenModel("mine", DIGEST, weights))
    moved = weights.rename(tmp_path / "moved.pth")
    models.add(GivenModel("mine", DIGEST, moved))
    link = models.path / f"{DIGEST}.pth"
    assert link.readlink() == moved.resolve()
    link.unlink()
    link.symlink_to("/dev/null")
    models.add(GivenModel("mine", DIGEST, moved))
    assert link.read_bytes() == CONTENT
