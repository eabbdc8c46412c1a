"""The preset consensus: planted groups become summaries, whatever the order, size and direction of their parts."""

import numpy as np
import pytest

from tests.clustering.builders import parts_of, planted_class, planted_features
from visum_clustering import summarize_by_consensus as chain
from visum_clustering.options import ClusteringOptions, Preset, SsimRule
from visum_clustering.summaries import DiscardReason
from visum_clustering.summarize_by_consensus import summarize_by_consensus
from visum_runtime.errors import FailedPrecondition, InvalidInput, Stopped

GROUPS, IMAGES = 8, 10
OPTIONS = ClusteringOptions(Preset.CONSENSUS)


def summarized(options: ClusteringOptions = OPTIONS):
    parts, _ = planted_class(GROUPS, IMAGES)
    return summarize_by_consensus(parts, planted_features(GROUPS, IMAGES), IMAGES, options)


def test_each_planted_group_is_a_summary_of_every_image():
    result = summarized()
    groups = sorted(sorted(summary.members.tolist()) for summary in result.summaries)
    assert groups == [[image * GROUPS + group for image in range(IMAGES)] for group in range(GROUPS)]
    assert not result.discarded
    assert all(summary.ssim is not None for summary in result.summaries)


def test_members_come_by_falling_agreement_with_the_exemplar():
    for summary in summarized().summaries:
        assert (np.diff(summary.similarities) <= 0).all()
        assert (summary.similarities <= 1).all()


def test_the_order_of_parts_does_not_matter():
    parts, _ = planted_class(GROUPS, IMAGES)
    features = planted_features(GROUPS, IMAGES)
    order = np.random.default_rng(5).permutation(len(parts))
    mixed = summarize_by_consensus(
        parts.take(order), [kind.take(order) for kind in features], IMAGES, OPTIONS
    ).renumber(order)
    for one, other in zip(summarized().summaries, mixed.summaries, strict=True):
        assert one.members.tolist() == other.members.tolist()


def test_a_summary_has_one_part_of_an_image():
    parts, _ = planted_class(GROUPS, IMAGES)
    twice = parts.take(np.repeat(np.arange(len(parts)), 2))
    features = [kind.take(np.repeat(np.arange(len(parts)), 2)) for kind in planted_features(GROUPS, IMAGES)]
    for summary in summarize_by_consensus(twice, features, IMAGES, OPTIONS).summaries:
        assert len(set(twice.images[summary.members])) == len(summary.members)


def test_a_group_in_too_few_images_is_discarded_and_says_so():
    result = summarized(ClusteringOptions(Preset.CONSENSUS, min_images=IMAGES + 0, min_share=1.0))
    assert len(result.summaries) == GROUPS
    parts, _ = planted_class(GROUPS, IMAGES)
    kept = np.flatnonzero((np.arange(len(parts)) % GROUPS > 0) | (parts.images < 1))
    features = [kind.take(kept) for kind in planted_features(GROUPS, IMAGES)]
    result = summarize_by_consensus(parts.take(kept), features, IMAGES, OPTIONS)
    assert len(result.summaries) == GROUPS - 1
    assert {item.reason for item in result.discarded} <= {DiscardReason.SINGLETON, DiscardReason.TOO_FEW_IMAGES}
    assert result.discarded


def test_the_ssim_rule_is_off_unless_it_is_asked_for():
    assert summarized().ssim_reference is None
    assert summarized(ClusteringOptions(Preset.CONSENSUS, ssim_rule=SsimRule.CLUSTERS)).ssim_reference is not None


def large_class(monkeypatch):
    """A class of which the parts of every other image are compared."""
    images = 6 * IMAGES
    monkeypatch.setattr(chain, "MOST_COMPARED", GROUPS * images // 2)
    return planted_class(GROUPS, images)[0], planted_features(GROUPS, images), images


def test_of_more_parts_than_are_compared_the_others_join_their_groups(monkeypatch):
    parts, features, images = large_class(monkeypatch)
    result = summarize_by_consensus(parts, features, images, ClusteringOptions(Preset.CONSENSUS, agreement=0.5))
    assert len(result.summaries) == GROUPS
    for summary in result.summaries:
        assert len(set(summary.members % GROUPS)) == 1
        assert len(summary.members) > 0.85 * images
        assert (np.diff(summary.similarities[1:]) <= 0).all()


def test_a_part_that_is_like_no_group_is_placed_nowhere(monkeypatch):
    parts, features, images = large_class(monkeypatch)
    stranger = GROUPS + 3  # of the second image, which is not compared
    for kind in features:
        kind.plain[stranger] *= -1
        kind.mirrored[stranger] *= -1
    result = summarize_by_consensus(parts, features, images, OPTIONS)
    assert all(stranger not in summary.members for summary in result.summaries)
    (alone,) = [item for item in result.discarded if item.cluster.members.tolist() == [stranger]]
    assert alone.reason is DiscardReason.SINGLETON


def test_features_must_fit_the_parts():
    parts, _ = planted_class(GROUPS, IMAGES)
    with pytest.raises(InvalidInput, match="rows"):
        summarize_by_consensus(parts, planted_features(GROUPS, IMAGES - 1), IMAGES, OPTIONS)
    with pytest.raises(InvalidInput, match="needs features"):
        summarize_by_consensus(parts, [], IMAGES, OPTIONS)


def test_a_class_that_is_too_small_is_refused():
    with pytest.raises(FailedPrecondition):
        summarize_by_consensus(parts_of([0]), [kind.take(np.array([0])) for kind in planted_features(1, 1)], 3, OPTIONS)


def test_it_stops_when_nobody_waits():
    parts, _ = planted_class(GROUPS, IMAGES)
    with pytest.raises(Stopped):
        summarize_by_consensus(parts, planted_features(GROUPS, IMAGES), IMAGES, OPTIONS, should_stop=lambda: True)
