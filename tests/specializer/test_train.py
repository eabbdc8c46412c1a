from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from visum_runtime.errors import FailedPrecondition, InvalidInput, Stopped
from visum_specializer.summary_classifier import Combination
from visum_specializer.svm import Standardization, calibrate, fit_svms
from visum_specializer.train import EmbeddedImages, SummaryNames, TrainOptions, negatives, train

FEATURES = 12
SUMMARIES = SummaryNames((0, 0, 1), ("crest", "beak", "sail"))
QUICK = TrainOptions(c_values=(0.1, 1.0))


def images(count: int, seed: int, *, network_error: float = 0.45) -> EmbeddedImages:
    """Classes 0, 1 and 2 of features that tell class and summary apart, seen by a network that errs often."""
    random = np.random.default_rng(seed)
    truth = np.arange(count) % 3
    kind = np.arange(count) // 3 % 2
    features = random.normal(size=(count, FEATURES))
    features[np.arange(count), truth * 2 + kind] += 6
    named = np.where(random.random(count) < network_error, (truth + 1) % 3, truth)
    probabilities = np.full((count, 3), 0.2)
    probabilities[np.arange(count), named] = 0.6
    memberships = np.zeros((count, 3), bool)
    memberships[(truth == 0) & (kind == 0), 0] = True
    memberships[(truth == 0) & (kind == 1), 1] = True
    memberships[truth == 1, 2] = True
    return EmbeddedImages(
        features.astype(np.float32), probabilities.astype(np.float32), truth.astype(np.int32), memberships
    )


def changed(given: EmbeddedImages, **columns) -> EmbeddedImages:
    return EmbeddedImages(**vars(given) | columns)


@pytest.mark.parametrize("combination", list(Combination))
def test_svms_mend_a_network_that_errs_where_its_features_do_not(combination):
    result = train("hidden", SUMMARIES, images(90, 0), images(60, 1), TrainOptions(combination=combination))
    assert result.overall.images == 60
    assert result.target_classes.images == 40
    assert result.overall.before < 0.7
    assert result.target_classes.after > result.target_classes.before + 0.1
    assert 0 < result.classifier.weight < 1
    assert result.classifier.weights.shape == (3, FEATURES)
    assert result.c in TrainOptions().c_values


def test_a_network_that_cannot_be_improved_is_never_made_worse_on_validation():
    validation = images(60, 1, network_error=0.0)
    result = train("hidden", SUMMARIES, images(90, 0), validation, QUICK)
    assert result.overall.before == result.overall.after == 1.0


def test_trainings_at_the_same_time_do_not_change_each_other():
    def one(_: int) -> np.ndarray:
        return train("hidden", SUMMARIES, images(60, 0), images(30, 1), QUICK).classifier.weights

    alone = one(0)
    with ThreadPoolExecutor(3) as pool:
        for weights in pool.map(one, range(6)):
            np.testing.assert_array_equal(weights, alone)


def test_negatives_are_other_classes_and_other_summaries_but_never_a_summarys_own():
    training = EmbeddedImages(
        np.zeros((5, 2), np.float32),
        np.full((5, 2), 0.5, np.float32),
        np.array([0, 0, 0, 0, 1], np.int32),
        np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]], bool),
    )
    found = negatives(training, np.array(SUMMARIES.classes))
    assert found[:, 0].tolist() == [False, True, False, False, True]  # not the image of both, not that of none
    assert found[:, 1].tolist() == [True, False, False, False, True]
    assert found[:, 2].tolist() == [True, True, True, True, False]
    alone = negatives(training, np.array(SUMMARIES.classes), siblings=False)
    assert alone[:, 0].tolist() == alone[:, 1].tolist() == [False, False, False, False, True]
    assert alone[:, 2].tolist() == [True, True, True, True, False]


def test_siblings_are_no_negatives_where_that_is_better_on_the_validation_images():
    """Which of two like summaries an image is in is chance: as negatives the one's images deny the other's class."""
    training, validation = images(120, 0), images(90, 1)
    members = training.memberships.copy()
    of_first = np.flatnonzero(training.classes == 0)
    members[of_first, 0] = np.arange(len(of_first)) % 2 == 0
    members[of_first, 1] = ~members[of_first, 0]
    result = train("hidden", SUMMARIES, changed(training, memberships=members), validation, QUICK)
    assert not result.sibling_negatives
    distinct = train(
        "hidden", SummaryNames((1,), ("sail",)), *(without_first(i) for i in (training, validation)), QUICK
    )
    assert distinct.sibling_negatives  # a class with one summary has no siblings, and nothing to choose


def without_first(given: EmbeddedImages) -> EmbeddedImages:
    return changed(given, memberships=given.memberships[:, 2:])


def test_a_class_with_one_summary_works():
    one = SummaryNames((1,), ("sail",))
    given = [changed(i, memberships=i.memberships[:, 2:]) for i in (images(60, 0), images(30, 1))]
    result = train("hidden", one, *given, TrainOptions(c_values=(1.0,), combination=Combination.LITERAL))
    assert result.classifier.classes == (1,)
    assert result.target_classes.images == 10


def test_one_image_in_a_summary_is_a_clear_error():
    training = images(60, 0)
    members = training.memberships.copy()
    members[1:, 0] = False
    with pytest.raises(FailedPrecondition, match="summary 'crest' has 1 of the training images; .* at least 2"):
        train("hidden", SUMMARIES, changed(training, memberships=members), images(30, 1), QUICK)


def test_without_negatives_or_validation_images_nothing_is_trained():
    alone = images(60, 0)
    rows = np.flatnonzero(alone.classes == 1)
    one = EmbeddedImages(
        alone.features[rows], alone.probabilities[rows], alone.classes[rows], alone.memberships[rows, 2:]
    )
    with pytest.raises(FailedPrecondition, match="has no negatives"):
        train("hidden", SummaryNames((1,), ("sail",)), one, one, QUICK)
    none = EmbeddedImages(*(column[:0] for column in vars(alone).values()))
    with pytest.raises(FailedPrecondition, match="no validation images"):
        train("hidden", SUMMARIES, alone, none, QUICK)


def test_an_image_of_another_class_is_no_member():
    training = images(60, 0)
    members = training.memberships.copy()
    members[2, 0] = True
    with pytest.raises(InvalidInput, match="of another class"):
        train("hidden", SUMMARIES, changed(training, memberships=members), images(30, 1), QUICK)


def test_a_training_that_nobody_waits_for_stops():
    with pytest.raises(Stopped):
        train("hidden", SUMMARIES, images(60, 0), images(30, 1), QUICK, should_stop=lambda: True)


@pytest.mark.parametrize("options", [{"c_values": ()}, {"c_values": (0.0,)}, {"seed": -1}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(InvalidInput):
        TrainOptions(**options)


def test_planes_over_standardized_features_are_planes_over_the_features():
    random = np.random.default_rng(0)
    features = (random.normal(size=(20, 4)) * [1, 5, 0.1, 0] + [0, 3, -1, 7]).astype(np.float32)
    standardization = Standardization.of(features)
    rows = standardization.apply(features)
    assert (rows[:, :3] ** 2).sum(axis=1).mean() == pytest.approx(0.75, rel=1e-4)
    assert np.isfinite(rows).all()
    planes = random.normal(size=(3, 5))
    folded = standardization.fold(planes)
    np.testing.assert_allclose(
        features @ folded[:, :-1].T + folded[:, -1], rows @ planes[:, :-1].T + planes[:, -1], atol=1e-5
    )


def test_an_svm_separates_what_can_be_separated_and_ignores_what_takes_no_part():
    features = np.array([[2.0, 0], [1.5, 0], [-2.0, 0], [-1.5, 0], [-9.0, 0]])
    positive = np.array([[True], [True], [False], [False], [False]])
    negative = np.array([[False], [False], [True], [True], [False]])
    planes = fit_svms(features, positive, negative, 1.0, 0, lambda: False)
    margins = features @ planes[0, :-1] + planes[0, -1]
    assert (margins[:2] > 0).all()
    assert (margins[2:4] < 0).all()
    np.testing.assert_allclose(planes, fit_svms(features[:4], positive[:4], negative[:4], 1.0, 0, lambda: False))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("count", "width"), [(600, 6), (60, 200)])
def test_svms_come_to_the_minimum_of_their_loss(count, width):
    random = np.random.default_rng(0)
    features = random.normal(size=(count, width)) / np.sqrt(width)
    positive = (random.random(count) < 1 / (1 + np.exp(2 - 2 * features[:, 0])))[:, None]
    c, plane = 10.0, fit_svms(features, positive, ~positive, 10.0, 0, lambda: False)[0]
    rows, signs = np.column_stack([features, np.ones(count)]), np.where(positive[:, 0], 1.0, -1.0)
    balanced = np.where(positive[:, 0], count / positive.sum() / 2, count / (~positive).sum() / 2)
    pull = 2 * c * (balanced * signs * np.maximum(1 - signs * (rows @ plane), 0)) @ rows
    assert np.abs(plane - pull).max() < 0.02 * np.abs(plane).max()


def test_calibrated_margins_are_the_log_odds_of_a_balanced_sample():
    random = np.random.default_rng(1)
    margins = random.normal(size=20_000)
    positive = random.random(20_000) < 1 / (1 + np.exp(-(3 * margins + 0.0)))
    slope, offset = calibrate(margins, positive)
    assert slope == pytest.approx(3, rel=0.05)
    assert offset == pytest.approx(0, abs=0.1)


def test_calibration_without_positives_leaves_margins_as_they_are():
    assert calibrate(np.array([1.0, -1.0]), np.array([False, False])) == (1.0, 0.0)
    slope, offset = calibrate(np.array([-1.0, 1.0]), np.array([True, False]))
    assert slope > 0
    assert np.isfinite(offset)
