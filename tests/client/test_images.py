"""Which images a source means."""

import os

import pytest

from visum_client.configuration import images_digest
from visum_client.errors import InvalidInputError
from visum_client.images import find_images


@pytest.fixture
def folder(tmp_path):
    """A folder of five images and three other files."""
    place = tmp_path / "dogs"
    place.mkdir()
    for name in ("c.PNG", "a.jpg", "b.jpeg", "d.webp", "e.jpg"):
        (place / name).write_bytes(name.encode())
    for name in (".hidden.jpg", "notes.txt", "card.json"):
        (place / name).write_bytes(b"other")
    (place / "more").mkdir()
    (place / "more" / "f.jpg").write_bytes(b"f")
    return place


def labels(source, limit=None):
    return [image.label for image in find_images(source, limit)]


def test_a_folder_means_its_image_files_sorted_by_path(folder):
    assert labels(folder) == ["dogs/a.jpg", "dogs/b.jpeg", "dogs/c.PNG", "dogs/d.webp", "dogs/e.jpg"]


def test_a_limit_takes_the_first(folder):
    assert labels(folder, 2) == ["dogs/a.jpg", "dogs/b.jpeg"]


def test_a_glob_means_what_it_matches(folder):
    assert labels(f"{folder}/*.jpg") == [f"{folder}/a.jpg", f"{folder}/e.jpg"]
    assert labels(f"{folder}/**/f.jpg") == [f"{folder}/more/f.jpg"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_text_file_lists_paths_relative_to_itself(folder, tmp_path, encoding):
    listing = tmp_path / "list.txt"
    listing.write_text(f"dogs/e.jpg\n\n# dogs\n{folder}/a.jpg\n", encoding=encoding)
    assert sorted(image.path.name for image in find_images(listing)) == ["a.jpg", "e.jpg"]


def test_a_list_and_a_single_file_mean_themselves(folder):
    assert labels([folder / "e.jpg", str(folder / "a.jpg")]) == [f"{folder}/a.jpg", f"{folder}/e.jpg"]
    assert labels(folder / "c.PNG") == [f"{folder}/c.PNG"]


def test_a_second_file_of_the_same_content_is_left_out(folder):
    (folder / "z.jpg").write_bytes(b"a.jpg")
    last = find_images(folder)[-1]
    assert last.is_duplicate
    assert last.problem == "the same file as dogs/a.jpg"
    assert sum(image.problem is not None for image in find_images(folder)) == 1


def test_a_file_that_cannot_be_read_is_listed_with_the_reason(folder):
    (folder / "broken.jpg").symlink_to("/proc/self/mem")  # opens, but fails to read, also for root
    broken = next(image for image in find_images(folder) if image.path.name == "broken.jpg")
    assert broken.digest is None
    assert broken.problem == "cannot be read: Input/output error"


@pytest.mark.parametrize(
    ("source", "named"),
    [("nowhere", "nowhere does not exist"), ("empty", "empty"), ("empty/*.jpg", r"empty/\*.jpg"), (["x.jpg"], "x.jpg")],
)
def test_nothing_there_is_an_error_that_names_the_place(tmp_path, monkeypatch, source, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match=named) as caught:
        find_images(source)
    assert caught.value.field == "images"


def test_an_empty_list_is_an_error():
    with pytest.raises(InvalidInputError, match="no images in the list"):
        find_images([])


def test_the_digest_of_a_class_ignores_names_and_order(folder, tmp_path):
    before = images_digest(find_images(folder))
    (folder / "a.jpg").rename(folder / "zz.jpg")
    assert images_digest(find_images(folder)) == before
    (folder / "zz.jpg").write_bytes(b"changed")
    assert images_digest(find_images(folder)) != before


def test_a_name_that_is_not_utf8_can_be_shown(tmp_path):
    name = os.fsdecode(b"\xff.jpg")
    (tmp_path / name).write_bytes(b"x")
    assert find_images(tmp_path)[0].label == f"{tmp_path.name}/\ufffd.jpg"
