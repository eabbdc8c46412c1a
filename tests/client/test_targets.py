"""Which class a user means."""

import pytest

from visum_client.errors import NotFoundError
from visum_client.targets import find_class

CLASSES = ["golden retriever", "German shepherd", "crane", "steam locomotive", "crane", "police_van"]


@pytest.mark.parametrize(
    ("target", "index"),
    [
        ("golden retriever", 0),
        ("Golden_Retriever", 0),
        ("  german   SHEPHERD ", 1),
        (3, 3),
        ("3", 3),
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
