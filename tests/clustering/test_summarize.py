import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clustering.builders import edges_of, parts_of, planted_class, shuffled
from visum_clustering.alignment import align
from visum_clustering.options import ClusteringOptions, SsimRule
from visum_clustering.parts import Edges, Parts
from visum_clustering.ssim import median_ssim
from visum_clustering.summaries import DiscardReason
from visum_clustering.summarize import Result, summarize
from visum_runtime.errors import FailedPrecondition, InvalidInput, Stopped

GROUPS, IMAGES = 4, 8
OFF = ClusteringOptions(ssim_rule=SsimRule.OFF)


def with_one_more(parts: Parts, image: int, box: list[int]) -> Parts:
    """The class and one part more, the last, that matches nothing."""
    more = parts_of([image], [box])
    columns = ("images", "boxes", "regions", "descriptors", "thumbnails")
    return Parts(*(np.concatenate([getattr(parts, name), getattr(more, name)]) for name in columns))


def all_clusters(result: Result):
    return [*result.summaries, *(item.cluster for item in result.discarded)]


def described(result: Result, numbers=None):
    """Everything in a result, with parts renamed, fit for comparison."""
    numbers = np.arange(10_000) if numbers is None else numbers
    clusters = [(numbers[c.members].tolist(), c.similarities.tolist(), c.ssim) for c in all_clusters(result)]
    removed = sorted(zip(numbers[result.removed.redundant], numbers[result.removed.kept], strict=True))
    reasons = [(item.reason, item.detail) for item in result.discarded]
    return clusters, removed, reasons, result.iterations, result.ssim_reference


def test_each_planted_group_is_one_summary():
    parts, edges = planted_class(GROUPS, IMAGES)
    result = summarize(parts, edges, IMAGES, OFF)
    found = {frozenset((summary.members % GROUPS).tolist()) for summary in result.summaries}
    assert found == {frozenset({group}) for group in range(GROUPS)}
    assert [len(summary.members) for summary in result.summaries] == [IMAGES] * GROUPS
    assert result.discarded == []
    assert result.converged
    assert result.damping == 0.9


def test_members_are_one_part_an_image_exemplar_first_then_by_falling_similarity():
    parts, edges = planted_class(GROUPS, IMAGES)
    for summary in summarize(parts, edges, IMAGES, OFF).summaries:
        assert len(np.unique(parts.images[summary.members])) == len(summary.members)
        assert summary.similarities[0] == summary.similarities[1]
        assert (np.diff(summary.similarities) <= 0).all()
        assert summary.ssim == pytest.approx(median_ssim(align(parts.thumbnails[summary.members])), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rule", SsimRule)
def test_neither_the_order_of_parts_nor_that_of_edges_matters(seed, rule):
    parts, edges = planted_class(GROUPS, IMAGES)
    options = ClusteringOptions(ssim_rule=rule, redundancy_iou=0)
    other_parts, other_edges, order = shuffled(parts, edges, seed)
    expected = summarize(parts, edges, IMAGES, options)
    actual = summarize(other_parts, other_edges, IMAGES, options)
    assert described(actual, order) == described(expected)


@pytest.mark.parametrize("seed", range(4))
def test_not_even_ties_depend_on_the_order_of_parts(seed):
    parts, edges = planted_class(GROUPS, IMAGES)
    same_group = edges.sources % GROUPS == edges.targets % GROUPS
    tied = Edges(edges.sources, edges.targets, np.where(same_group, 1, 0.01).astype(np.float32))
    other_parts, other_edges, order = shuffled(parts, tied, seed)
    expected = summarize(parts, tied, IMAGES, OFF)
    assert described(summarize(other_parts, other_edges, IMAGES, OFF), order) == described(expected)


def test_a_part_that_matches_nothing_is_listed_as_a_singleton():
    parts, edges = planted_class(GROUPS, IMAGES)
    result = summarize(with_one_more(parts, 0, [0, 50, 20, 64]), edges, IMAGES, OFF)
    assert [item.cluster.members.tolist() for item in result.discarded] == [[len(parts)]]
    assert result.discarded[0].reason is DiscardReason.SINGLETON
    assert result.discarded[0].cluster.ssim is None
    assert len(result.summaries) == GROUPS


def test_no_edges_leave_only_singletons():
    result = summarize(parts_of([0, 1, 2, 3]), edges_of([]), 4, OFF)
    assert result.summaries == []
    assert sorted(int(item.cluster.members[0]) for item in result.discarded) == [0, 1, 2, 3]
    assert {item.reason for item in result.discarded} == {DiscardReason.SINGLETON}


def test_a_group_in_too_few_images_is_discarded():
    parts, edges = planted_class(GROUPS, IMAGES)
    rest = (edges.sources % GROUPS != 0) & (edges.targets % GROUPS != 0)
    kept = rest | ((edges.sources == 0) & (edges.targets == GROUPS))
    rare = Edges(edges.sources[kept], edges.targets[kept], edges.scores[kept])
    result = summarize(parts, rare, IMAGES, OFF)
    few = [item for item in result.discarded if item.reason is DiscardReason.TOO_FEW_IMAGES]
    assert [sorted(item.cluster.members.tolist()) for item in few] == [[0, GROUPS]]
    assert few[0].detail == f"in 2 of {IMAGES} images; at least 3 are needed"


def test_a_group_that_does_not_look_alike_is_discarded_by_ssim():
    parts, edges = planted_class(GROUPS, IMAGES)
    thumbnails = parts.thumbnails.copy()
    thumbnails[::GROUPS] = np.random.default_rng(0).integers(0, 256, thumbnails[::GROUPS].shape)
    unlike = Parts(parts.images, parts.boxes, parts.regions, parts.descriptors, thumbnails)
    result = summarize(unlike, edges, IMAGES, ClusteringOptions())
    assert [item.reason for item in result.discarded] == [DiscardReason.SSIM]
    assert set(result.discarded[0].cluster.members % GROUPS) == {0}
    assert result.ssim_reference == pytest.approx(np.median([c.ssim for c in all_clusters(result)]))


def test_the_literal_rule_compares_with_all_pairs_of_the_class():
    parts, edges = planted_class(GROUPS, IMAGES)
    result = summarize(parts, edges, IMAGES, ClusteringOptions(ssim_rule=SsimRule.LITERAL))
    assert result.ssim_reference == pytest.approx(median_ssim(parts.thumbnails), abs=1e-6)


def test_redundant_parts_are_named_as_the_caller_does_and_take_no_part():
    parts, edges = planted_class(GROUPS, IMAGES)
    copy = with_one_more(parts, 5, (parts.boxes[5 * GROUPS + 2] + 1).tolist())
    result = summarize(copy, edges, IMAGES, OFF)
    assert result.removed.redundant.tolist() == [len(parts)]
    assert result.removed.kept.tolist() == [5 * GROUPS + 2]
    assert all(len(parts) not in cluster.members for cluster in all_clusters(result))


def test_merging_puts_a_split_group_together():
    """Two halves of one group match each other less than themselves; a low preference factor splits them."""
    images = 12
    half = np.arange(images) % 2
    edges = [(a, b, 1.0 if half[a] == half[b] else 0.2) for a in range(images) for b in range(a)]
    edges += [(images, part, 0.001) for part in range(8)]
    parts = parts_of([*range(images), images])
    split = summarize(
        parts, edges_of(edges), images + 1, ClusteringOptions(preference=0.1, merge=1, ssim_rule=SsimRule.OFF)
    )
    merged = summarize(
        parts, edges_of(edges), images + 1, ClusteringOptions(preference=0.1, trim=0.5, ssim_rule=SsimRule.OFF)
    )
    assert [len(summary.members) for summary in split.summaries] == [6, 6]
    assert [len(summary.members) for summary in merged.summaries] == [12]


def test_too_few_images_or_parts_cannot_be_clustered():
    with pytest.raises(FailedPrecondition, match="2 images are too few"):
        summarize(parts_of([0, 1]), edges_of([(0, 1, 1.0)]), 2, ClusteringOptions())
    for count in (0, 1):
        with pytest.raises(FailedPrecondition, match=f"{count} parts are too few"):
            summarize(parts_of([0] * count), edges_of([]), 5, ClusteringOptions())


def test_parts_of_images_that_the_class_does_not_have_are_refused():
    with pytest.raises(InvalidInput) as caught:
        summarize(parts_of([0, 3]), edges_of([]), 3, ClusteringOptions())
    assert caught.value.field == "parts.images"


def test_progress_reaches_the_end_of_the_last_step():
    told = []
    summarize(*planted_class(2, 4), 4, OFF, progress=lambda *news: told.append(news))
    steps = list(dict.fromkeys(step for step, _, _ in told))
    assert steps == ["redundant parts", "affinity propagation", "structural similarity"]
    assert told[-1][1] == told[-1][2]


@pytest.mark.parametrize("step", ["affinity propagation", "structural similarity"])
def test_it_stops_within_a_step_when_told(step):
    seen = []
    with pytest.raises(Stopped):
        summarize(
            *planted_class(2, 4),
            4,
            OFF,
            progress=lambda name, done, total: seen.append(name),
            should_stop=lambda: step in seen,
        )
    assert seen.count(step) == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 9), st.integers(2, 30), st.floats(0, 1), st.sampled_from(SsimRule), st.integers(0, 10_000))
def test_whatever_comes_in_clusters_are_disjoint_and_rules_hold(images, count, density, rule, seed):
    generator = np.random.default_rng(seed)
    corners = generator.integers(0, 30, (count, 2))
    boxes = np.hstack([corners, corners + generator.integers(5, 30, (count, 2))])
    parts = parts_of(generator.integers(images, size=count), boxes)
    pairs = [(a, b) for a in range(count) for b in range(a) if parts.images[a] != parts.images[b]]
    edges = edges_of([(a, b, generator.uniform(0.01, 1)) for a, b in pairs if generator.random() < density])
    result = summarize(parts, edges, images, ClusteringOptions(ssim_rule=rule, max_iterations=300))
    members = np.concatenate([[], *(cluster.members for cluster in all_clusters(result)), result.removed.redundant])
    assert len(np.unique(members)) == len(members)
    for cluster in all_clusters(result):
        assert len(np.unique(parts.images[cluster.members])) == len(cluster.members)
        assert (cluster.ssim is None) == (len(cluster.members) < max(2, ClusteringOptions().images_needed(images)))
    assert all(len(summary.members) >= 3 for summary in result.summaries)
    joined = {frozenset(pair) for pair in zip(edges.sources.tolist(), edges.targets.tolist(), strict=True)}
    for cluster in all_clusters(result):
        assert all(frozenset((int(cluster.members[0]), int(part))) in joined for part in cluster.members[1:])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("preference", 0.0), ("preference", np.nan), ("damping", 0.4), ("damping", 1.0), ("max_iterations", 0),
        ("min_images", 1), ("min_share", 1.1), ("redundancy_iou", -0.1), ("redundancy_area_ratio", 0.9),
        ("redundancy_area_ratio", np.inf), ("ssim_threshold", 2.0), ("trim", np.nan), ("merge", 0.0),
    ],
)  # fmt: skip
def test_options_out_of_range_name_the_field(name, value):
    with pytest.raises(InvalidInput) as caught:
        ClusteringOptions(**{name: value})
    assert caught.value.field == f"options.{name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", [-1]), ("boxes", [[-1, 0, 5, 5]]), ("boxes", [[5, 0, 5, 5]]), ("boxes", [[0, 6, 5, 5]]),
        ("regions", [0]), ("regions", [1, 2]), ("thumbnails", np.zeros((1, 32, 64))), ("descriptors", [1.0]),
    ],
)  # fmt: skip
def test_parts_out_of_range_name_the_field(name, value):
    good = parts_of([0])
    columns = {column: getattr(good, column) for column in ("images", "boxes", "regions", "descriptors", "thumbnails")}
    columns[name] = np.array(value).astype(columns[name].dtype)
    with pytest.raises(InvalidInput) as caught:
        Parts(**columns)
    assert caught.value.field == f"parts.{name}"
