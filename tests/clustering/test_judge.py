import numpy as np
import pytest

from tests.clustering.builders import parts_of
from visum_clustering.options import ClusteringOptions, Preset, SsimRule
from visum_clustering.summaries import DiscardReason, Summary, judge


def cluster(*members, ssim=0.5, similarity=1.0):
    ssim = ssim if len(members) > 1 else None
    return Summary(np.array(members, np.int32), np.full(len(members), similarity, np.float32), ssim)


def members_of(summaries):
    return [summary.members.tolist() for summary in summaries]


def one_part_an_image(count):
    """Part i is of image i, on a place of its own."""
    return parts_of(range(count))


def test_summaries_come_with_most_images_first_then_the_most_similar():
    clusters = [cluster(0, 1, 2), cluster(3, 4, 5, similarity=2.0), cluster(6, 7, 8, 9)]
    verdict = judge(clusters, one_part_an_image(10), 10, ClusteringOptions())
    assert members_of(verdict.summaries) == [[6, 7, 8, 9], [3, 4, 5], [0, 1, 2]]
    assert verdict.discarded == []


def test_a_single_part_is_a_singleton_and_comes_last():
    verdict = judge([cluster(4), cluster(0, 1, 2), cluster(3, 5)], one_part_an_image(6), 6, ClusteringOptions())
    assert [item.reason for item in verdict.discarded] == [DiscardReason.TOO_FEW_IMAGES, DiscardReason.SINGLETON]
    assert members_of(item.cluster for item in verdict.discarded) == [[3, 5], [4]]


def test_too_few_images_says_how_many_are_needed():
    verdict = judge([cluster(0, 1)], one_part_an_image(2), 24, ClusteringOptions(min_share=0))
    assert verdict.discarded[0].reason is DiscardReason.TOO_FEW_IMAGES
    assert verdict.discarded[0].detail == "in 2 of 24 images; at least 3 are needed"


@pytest.mark.parametrize(
    ("images", "share", "needed"), [(24, 0.1, 3), (40, 0.1, 4), (41, 0.1, 5), (30, 0.1, 3), (10, 1.0, 10), (100, 0, 3)]
)
def test_images_needed_is_the_larger_of_count_and_share(images, share, needed):
    assert ClusteringOptions(min_share=share).images_needed(images) == needed


def trio(ssim, first):
    return cluster(first, first + 1, first + 2, ssim=ssim)


@pytest.mark.parametrize(
    ("rule", "class_ssim", "kept", "reference"),
    [
        (SsimRule.CLUSTERS, None, [0.6, 0.5, 0.46, 0.44], 0.46),
        (SsimRule.LITERAL, 0.66, [0.6], 0.66),
        (SsimRule.LITERAL, 0.1, [0.6, 0.5, 0.46, 0.44, 0.1], 0.1),
        (SsimRule.OFF, None, [0.6, 0.5, 0.46, 0.44, 0.1], None),
    ],
)
def test_ssim_rules(rule, class_ssim, kept, reference):
    clusters = [trio(value, 3 * i) for i, value in enumerate([0.6, 0.5, 0.46, 0.44, 0.1])]
    verdict = judge(clusters, one_part_an_image(15), 15, ClusteringOptions(ssim_rule=rule), class_ssim)
    assert sorted((summary.ssim for summary in verdict.summaries), reverse=True) == kept
    assert verdict.ssim_reference == reference


def test_ssim_detail_has_the_figures():
    clusters = [trio(0.6, 0), trio(0.5, 3), trio(0.1, 6)]
    verdict = judge(clusters, one_part_an_image(9), 9, ClusteringOptions())
    assert [item.reason for item in verdict.discarded] == [DiscardReason.SSIM]
    assert verdict.discarded[0].detail == "median SSIM 0.100; at least 0.450 is needed (0.9 of the reference 0.500)"


def test_singletons_do_not_switch_the_ssim_rule_off():
    clusters = [trio(0.6, 0), trio(0.5, 3), trio(0.1, 6), *(cluster(part) for part in range(9, 20))]
    verdict = judge(clusters, one_part_an_image(20), 20, ClusteringOptions())
    assert [summary.ssim for summary in verdict.summaries] == [0.6, 0.5]
    assert verdict.ssim_reference == 0.5


def test_the_only_cluster_passes_even_where_its_median_is_negative():
    verdict = judge([trio(-0.02, 0)], one_part_an_image(3), 3, ClusteringOptions())
    assert len(verdict.summaries) == 1


def overlapping_summaries(shift, moved):
    """Four images with two parts each: parts 0..3 on one place, parts 4..7 `shift` to the right in `moved` of them."""
    first = [[0, 0, 20, 20]] * 4
    second = [[shift, 0, 20 + shift, 20] if image < moved else [50, 50, 70, 70] for image in range(4)]
    parts = parts_of([0, 1, 2, 3, 0, 1, 2, 3], first + second)
    return judge([cluster(0, 1, 2, 3, similarity=2.0), cluster(4, 5, 6, 7)], parts, 4, ClusteringOptions())


def test_mostly_the_same_places_as_a_better_summary_is_a_duplicate():
    verdict = overlapping_summaries(shift=8, moved=3)
    assert members_of(verdict.summaries) == [[0, 1, 2, 3]]
    assert verdict.discarded[0].reason is DiscardReason.DUPLICATE
    assert verdict.discarded[0].detail == "3 of its 4 parts lie on parts of a summary of 4 images"


@pytest.mark.parametrize(("shift", "moved"), [(8, 2), (14, 4)])
def test_half_of_the_places_or_small_overlaps_are_no_duplicate(shift, moved):
    assert len(overlapping_summaries(shift, moved).summaries) == 2


def test_the_same_place_in_other_images_is_no_duplicate():
    parts = parts_of(range(6), [[0, 0, 20, 20]] * 6)
    verdict = judge([cluster(0, 1, 2), cluster(3, 4, 5)], parts, 6, ClusteringOptions())
    assert len(verdict.summaries) == 2


def test_what_ssim_discards_has_no_duplicates():
    parts = parts_of(
        [0, 1, 2, 3, 0, 1, 2, 3, 4, 4, 4], [[0, 0, 20, 20]] * 4 + [[4, 0, 24, 20]] * 4 + [[0, 0, 9, 9]] * 3
    )
    clusters = [cluster(0, 1, 2, 3, ssim=0.1, similarity=2.0), cluster(4, 5, 6, 7, ssim=0.5)]
    verdict = judge(clusters, parts, 5, ClusteringOptions())
    assert members_of(verdict.summaries) == [[4, 5, 6, 7]]
    assert [item.reason for item in verdict.discarded] == [DiscardReason.SSIM]


def test_no_clusters():
    verdict = judge([], one_part_an_image(0), 5, ClusteringOptions())
    assert (verdict.summaries, verdict.discarded, verdict.ssim_reference) == ([], [], None)


@pytest.mark.parametrize(("preset", "needed"), [(Preset.PAPER, 3), (Preset.CONSENSUS, 4)])
def test_a_summary_of_a_small_class_needs_the_presets_fewest_images(preset, needed):
    assert ClusteringOptions(preset).images_needed(12) == needed
    assert ClusteringOptions(preset, min_images=2, min_share=0).images_needed(12) == 2
