import numpy as np
import pytest

from tests.clustering.builders import similarity_of
from visum_clustering.members import choose_members


def star(nearness):
    """Part 0 with these similarities to parts 1, 2, ...; None: not stored."""
    count = len(nearness) + 1
    values, stored = np.zeros((count, count)), np.zeros((count, count), bool)
    for part, value in enumerate(nearness, start=1):
        stored[0, part] = stored[part, 0] = value is not None
        values[0, part] = values[part, 0] = value or 0
    return similarity_of(values, stored)


def chosen(nearness, images, trim=0.0, cluster=None):
    cluster = np.arange(len(nearness) + 1) if cluster is None else np.array(cluster)
    members, similarities = choose_members(cluster, 0, star(nearness), np.array(images, np.int32), trim)
    return members.tolist(), similarities.tolist()


def test_the_nearest_part_of_each_image_is_its_member():
    assert chosen([1, 3, 2, 4], [0, 1, 1, 2, 2]) == ([0, 4, 2], [4, 4, 3])


def test_ties_go_to_the_first_part():
    assert chosen([2, 2, 2], [0, 2, 1, 1])[0] == [0, 1, 2]


def test_parts_of_other_clusters_are_no_members():
    assert chosen([5, 3, 4], [0, 1, 2, 3], cluster=[0, 2, 3])[0] == [0, 3, 2]


def test_a_part_without_a_score_to_the_exemplar_is_no_member():
    assert chosen([2, None, 3], [0, 1, 2, 3])[0] == [0, 3, 1]


@pytest.mark.parametrize(("trim", "expected"), [(0.8, [0, 1, 2, 3]), (0.5, [0, 1, 2, 3, 4]), (0.0, [0, 1, 2, 3, 4])])
def test_members_far_below_the_median_are_trimmed(trim, expected):
    """The median of 10, 10, 8 and 6 is 9."""
    assert chosen([10, 10, 8, 6], [0, 1, 2, 3, 4], trim)[0] == expected


def test_at_least_one_other_member_survives_any_trim():
    assert chosen([3, 2, 1], [0, 1, 2, 3], trim=1.0)[0] == [0, 1, 2]


def test_an_exemplar_alone():
    assert chosen([None], [0, 1]) == ([0], [0])
