import json
import logging
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torchvision import models

from tests.support.networks import SmallNetwork, export
from visum_models import ModelRepository
from visum_models.networks import build_network, classification_architectures, read_state
from visum_models.repository import ModelSettings, file_digest
from visum_runtime.errors import FailedPrecondition, InvalidInput, NotFound


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "small.pt2"
    export(SmallNetwork(), path)
    return path


@pytest.fixture
def folder(tmp_path, program):
    (tmp_path / "small.pt2").write_bytes(program.read_bytes())
    torch.save(models.squeezenet1_1(num_classes=3).state_dict(), tmp_path / "three.pth")
    card = {"name": "my net", "architecture": "squeezenet1_1", "classes": ["cat", "dog", "cow"]}
    (tmp_path / "three.json").write_text(json.dumps(card))
    return tmp_path


def repository(folder, **options) -> ModelRepository:
    return ModelRepository(ModelSettings(model_dir=folder, **({"trust_model_dir": True} | options)))


def test_the_folder_is_listed_by_name_with_digests_and_classes(folder):
    cards = repository(folder).cards()
    assert [card.name for card in cards] == ["my net", "small"]
    assert cards[0].classes == ("cat", "dog", "cow")
    assert cards[0].preprocessing.crop == 224
    assert cards[1].sha256 == file_digest(folder / "small.pt2")
    assert cards[1].architecture == "exported program"
    assert (cards[1].preprocessing.crop, len(cards[1].classes)) == (32, 4)


def test_a_damaged_neighbour_does_not_hide_the_others(folder):
    (folder / "broken.pth").write_bytes(b"no weights")
    assert len(repository(folder).cards()) == 2
    with pytest.raises(InvalidInput, match="card that names"):
        repository(folder).load("broken")


@pytest.mark.parametrize("card", ['{"epochs": 3}', "{", '{"name": "stranger", "preprocessing": {"resize": 0}}'])
def test_a_neighbour_with_a_foreign_card_fails_alone(folder, card, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("visum"), "propagate", True)
    torch.save({}, folder / "foreign.pth")
    (folder / "foreign.json").write_text(card)
    shared = repository(folder)
    assert shared.load("my net").card.name == "my net"
    assert [card.name for card in shared.cards()] == ["my net", "small"]
    assert [record.facts["file"] for record in caplog.records] == ["foreign.pth"]
    for name, digest in (("foreign", ""), ("", file_digest(folder / "foreign.pth"))):
        with pytest.raises(InvalidInput, match="card foreign.json"):
            shared.load(name, digest)


@pytest.mark.parametrize("unreadable", ["resnet18.pth", "resnet18.json"])
def test_a_neighbour_that_cannot_be_read_fails_alone(folder, unreadable, monkeypatch):
    """Its name must not lead to torchvision's weights of that name in its stead."""
    torch.save({}, folder / "resnet18.pth")
    (folder / "resnet18.json").write_text("{}")
    refuse(monkeypatch, folder / unreadable, PermissionError(13, "Permission denied"))
    shared = repository(folder)
    assert shared.load("my net").card.name == "my net"
    assert [card.name for card in shared.cards()] == ["my net", "small"]
    with pytest.raises(FailedPrecondition, match="resnet18.pth or its card cannot be read: Permission denied"):
        shared.load("resnet18")
    if unreadable == "resnet18.pth":
        with pytest.raises(FailedPrecondition, match="cannot be read"):
            shared.load("resnet18", "0" * 64)


def test_a_file_that_vanishes_while_the_folder_is_read_is_left_out(folder, monkeypatch):
    (folder / "gone.pth").write_bytes(b"no weights")
    refuse(monkeypatch, folder / "gone.pth", FileNotFoundError(2, "No such file"))
    shared = repository(folder)
    assert shared.load("small").card.name == "small"
    with pytest.raises(NotFound):
        shared.load("gone")


def refuse(monkeypatch, path, error):
    """Makes every attempt to open a file fail; the user of the tests may be allowed to read everything."""
    opened = type(path).open

    def open_other(self, *arguments, **options):
        if self == path:
            raise error
        return opened(self, *arguments, **options)

    monkeypatch.setattr(type(path), "open", open_other)


def test_networks_are_found_by_digest_whatever_their_name(folder):
    digest = file_digest(folder / "three.pth")
    assert repository(folder).load("anything", digest).card.name == "my net"


def test_a_digest_that_does_not_match_is_refused(folder):
    with pytest.raises(FailedPrecondition, match="has sha256"):
        repository(folder).load("my net", "0" * 64)
    with pytest.raises(NotFound, match="0000"):
        repository(folder).load("", "0" * 64)


def test_a_card_of_another_digest_is_refused(folder):
    (folder / "small.json").write_text(json.dumps({"sha256": "1" * 64}))
    with pytest.raises(FailedPrecondition, match="its card says"):
        repository(folder).load("small")


def test_an_unknown_name_gets_near_names(folder):
    with pytest.raises(NotFound, match="did you mean resnet50"):
        repository(folder).load("resnet5O")
    with pytest.raises(NotFound, match="available: my net, small"):
        repository(folder, standard_weights=False).load("resnet50")


def test_a_model_is_loaded_once_also_by_many_threads(folder):
    shared = repository(folder)
    loaded = []
    threads = [threading.Thread(target=lambda: loaded.append(shared.load("small"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(classifier) for classifier in loaded}) == 1


def test_several_exported_programs_load_beside_one_another(folder, program):
    count = 6
    start = threading.Barrier(count)
    for number in range(count):
        with zipfile.ZipFile(program) as source, zipfile.ZipFile(folder / f"other{number}.pt2", "w") as copy:
            for entry in source.infolist():
                copy.writestr(entry, source.read(entry))
            copy.comment = str(number).encode()
    shared = repository(folder)

    def load(number: int) -> str:
        start.wait()
        return shared.load(f"other{number}").card.sha256

    with ThreadPoolExecutor(count) as threads:
        assert len(set(threads.map(load, range(count)))) == count


def test_the_network_used_longest_ago_leaves_first(folder):
    shared = repository(folder, cache_bytes=1)
    first = shared.load("small")
    shared.load("my net")
    assert shared.load("small") is not first


def test_exported_programs_need_trust(folder):
    with pytest.raises(FailedPrecondition, match="not trusted"):
        repository(folder, trust_model_dir=False).load("small")
    digest = file_digest(folder / "small.pt2")
    trusted = repository(folder, trust_model_dir=False, trusted_sha256=frozenset([digest]))
    assert trusted.load("small").card.sha256 == digest


def test_an_archive_with_pickled_parts_is_refused_before_loading(folder):
    with zipfile.ZipFile(folder / "evil.pt2", "w") as archive:
        archive.writestr("evil/data.pkl", b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(FailedPrecondition, match="pickled"):
        repository(folder).load("evil")


def test_a_state_dict_that_executes_code_is_refused(folder):
    torch.save({"weight": Evil()}, folder / "evil.pth")
    (folder / "evil.json").write_text(json.dumps({"architecture": "alexnet"}))
    with pytest.raises(InvalidInput, match="not a state dict"):
        repository(folder).load("evil")


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit",))


@pytest.mark.parametrize(
    ("card", "text"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ('{"architecture": "squeezenet9"}', "squeezenet9"),
        ('{"architecture": "squeezenet1_1", "classes": []}', "classes"),
        ('{"architecture": "squeezenet1_1", "classes": ["a", "b"]}', "do not fit squeezenet1_1"),
        ('{"architecture": 3}', "architecture"),
        ('{"colour": "red"}', "colour"),
        ('{"preprocessing": {"resize": 0}}', "preprocessing.resize"),
        ('{"preprocessing": {"resize": "256"}}', "preprocessing.resize"),
        ('{"preprocessing": {"crop": 999}}', "preprocessing.crop"),
        ('{"preprocessing": {"std": [0, 1, 1]}}', "preprocessing.std"),
        ('{"preprocessing": {"mean": [1]}}', "preprocessing.mean"),
        ('{"preprocessing": {"zoom": 1}}', "preprocessing.zoom"),
    ],
)
def test_a_wrong_card_is_refused_by_field(folder, card, text):
    (folder / "three.json").write_text(card)
    with pytest.raises((InvalidInput, NotFound), match=text):
        repository(folder).load("", file_digest(folder / "three.pth"))


def test_weights_of_another_shape_are_refused_by_entry():
    state = models.squeezenet1_1(num_classes=3).state_dict()
    with pytest.raises(InvalidInput, match=r"classifier.1.bias is \(3,\), expected \(5,\)"):
        build_network("squeezenet1_1", 5, state)
    del state["features.0.bias"]
    with pytest.raises(InvalidInput, match="features.0.bias is missing"):
        build_network("squeezenet1_1", 3, state)


def test_weights_that_are_not_numbers_are_refused(folder):
    state = models.squeezenet1_1(num_classes=3).state_dict()
    state["features.0.bias"][:] = torch.nan
    torch.save(state, folder / "three.pth")
    with pytest.raises(InvalidInput, match="not finite"):
        repository(folder).load("my net")


class TwoInputs(nn.Module):
    def forward(self, first, second):
        return (first + second).mean(dim=(2, 3))


def test_a_program_that_is_no_classifier_is_refused(folder):
    example = (torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8))
    torch.export.save(torch.export.export(TwoInputs(), example), folder / "two.pt2")
    with pytest.raises(InvalidInput, match="does not map"):
        repository(folder).load("two")


def test_checkpoints_with_a_state_dict_inside_are_read(tmp_path):
    state = models.squeezenet1_1(num_classes=3).state_dict()
    torch.save({"state_dict": state}, tmp_path / "checkpoint.pth")
    assert read_state(tmp_path / "checkpoint.pth").keys() == state.keys()


def test_every_torchvision_classification_network_is_known():
    known = classification_architectures()
    assert {"alexnet", "vgg16", "googlenet", "resnet50", "squeezenet1_1", "vit_b_16"} <= set(known)
    assert "fcn_resnet50" not in known


def test_the_network_is_in_eval_mode_and_frozen(folder):
    for name in ("small", "my net"):
        network = repository(folder).load(name).network
        assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not repository(folder).load("my net").network.training
