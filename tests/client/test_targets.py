"""Which class a user means."""

import numpy as np
import pytest

from tests.support.class_runs import draw_images
from visum_client.class_folders import class_folders
from visum_client.errors import InvalidInputError, NotFoundError
from visum_client.specialization.labelled_images import find_labelled_images
from visum_client.targets import find_class, means

CLASSES = ["golden retriever", "German shepherd", "crane", "steam locomotive", "crane", "police_van"]
DIGITS = [*"1234567890"]


@pytest.mark.parametrize(
    ("target", "index"),
    [
        ("golden retriever", 0),
        ("Golden_Retriever", 0),
        ("  german   SHEPHERD ", 1),
        (3, 3),
        ("3", 3),
        (np.int64(3), 3),
        ("police van", 5),
    ],
)
def test_a_class_is_found_by_name_or_index(target, index):
    assert find_class(target, CLASSES) == index


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("golden retreiver", "did you mean 'golden retriever'"),
        ("locomotive", "did you mean 'steam locomotive'"),
        ("crane", "give the index, one of 2, 4"),
        (6, "its classes are 0..5"),
        (-1, "its classes are 0..5"),
        ("zzzzzz", "no class 'zzzzzz'$"),
        ("", "no class ''$"),
    ],
)
def test_what_is_no_class_is_an_error_that_helps(target, message):
    with pytest.raises(NotFoundError, match=message) as caught:
        find_class(target, CLASSES)
    assert caught.value.field == "target"


@pytest.mark.parametrize("target", [1.0, None])
def test_what_is_neither_name_nor_index_is_refused(target):
    with pytest.raises(InvalidInputError, match="must be a name or an index") as caught:
        find_class(target, CLASSES)
    assert caught.value.field == "target"


def test_classes_of_digits_are_found_by_name_first():
    assert [find_class(name, DIGITS) for name in DIGITS] == list(range(10))
    assert find_class("11", [*DIGITS, "dot", "dash"]) == 11
    assert find_class(1, DIGITS) == 1


def test_folders_called_by_digits_are_the_classes_of_that_name_everywhere(tmp_path):
    draw_images(tmp_path, 0)
    (tmp_path / "red").rename(tmp_path / "1")
    (tmp_path / "green").rename(tmp_path / "n01234567_2")
    named = {folder.name: folder.target for folder in class_folders(tmp_path, DIGITS)}
    labelled = {image.file.path.parent.name: image.target for image in find_labelled_images(tmp_path, DIGITS, "train")}
    assert named == labelled == {"1": 0, "n01234567_2": 1}


def test_the_name_of_a_folder_with_its_prefix_comes_first(tmp_path):
    draw_images(tmp_path, 0)
    (tmp_path / "red").rename(tmp_path / "n01234567_egg")
    (tmp_path / "green").rename(tmp_path / "egg")
    classes = ["egg", "n01234567_egg"]
    assert {folder.name: folder.target for folder in class_folders(tmp_path, classes)} == {"egg": 0, "n01234567_egg": 1}
    assert {image.target for image in find_labelled_images(tmp_path, classes, "train")} == {0, 1}


def test_whether_digits_are_a_class_needs_all_names_unless_they_are_its_name():
    assert means("1", 0, "1", None)
    assert not means("1", 1, "2", None)
    assert means("1", 0, "1", DIGITS)
    assert not means("1", 1, "2", DIGITS)
    assert means("3", 3, "steam locomotive", CLASSES)
    assert means(np.int64(1), 1, "2", None)
    assert not means("crane", 1, "2", None)
