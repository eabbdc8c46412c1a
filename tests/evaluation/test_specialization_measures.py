"""Significance, ceiling, controls and shares of the experiment on specialized classifiers."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from visum_evaluation.specialization.experiment import split
from visum_evaluation.specialization.groups import Groups, grouped
from visum_evaluation.specialization.measures import attainable, combined_p, mcnemar
from visum_specializer.combination import TargetClasses, combine
from visum_specializer.summary_classifier import Combination


def test_mcnemar_counts_only_images_that_one_of_both_names_rightly():
    before = np.array([True] * 50 + [False] * 12 + [True] * 2 + [False] * 30)
    after = np.array([True] * 50 + [True] * 12 + [False] * 2 + [False] * 30)
    assert mcnemar(before, after) == pytest.approx(binomtest(2, 14).pvalue)
    assert mcnemar(before, before) == 1.0


def test_several_p_values_come_to_twice_their_median_and_one_stays():
    assert combined_p([0.001, 0.02, 0.9]) == pytest.approx(0.04)
    assert combined_p([0.8, 0.9, 0.7]) == 1.0
    assert combined_p([0.03]) == 0.03


@pytest.mark.parametrize("combination", list(Combination))
def test_no_scores_and_no_weight_name_more_images_rightly_than_the_ceiling_says(combination):
    random = np.random.default_rng(0)
    truth = random.integers(0, 5, 40).astype(np.int32)
    probabilities = random.dirichlet([0.6] * 5, 40).astype(np.float32)
    owners = (1, 3)
    reach = attainable(probabilities, truth, owners, combination)
    targets = TargetClasses.of(owners, 5)
    found = np.zeros(40, dtype=bool)
    for share in np.linspace(0.0, 1.0, 41):
        scores = torch.tensor([[share, 1 - share]]).clamp(1e-9).log().repeat(40, 1)
        for weight in (0.0, 0.3, 0.6, 0.999):
            after = combine(torch.from_numpy(probabilities).log(), scores, targets, weight, combination)
            found |= after.argmax(dim=1).numpy() == truth
    assert (found <= reach).all()
    assert (found == reach).mean() > 0.9


def test_controls_are_of_the_same_images_and_random_clusters_of_the_same_sizes():
    memberships = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]], bool)
    summaries = Groups(np.array([4, 4, 7]), memberships)
    assert grouped("summaries", summaries, np.random.default_rng(0)) is summaries
    per_class = grouped("per_class", summaries, np.random.default_rng(0))
    assert per_class.owners.tolist() == [4, 7]
    assert per_class.memberships[:, 0].tolist() == [True, True, True, False, False, False]
    random = grouped("random_clusters", summaries, np.random.default_rng(0))
    assert random.owners.tolist() == [4, 4, 7]
    assert random.memberships.sum(axis=0).tolist() == [2, 2, 2]
    assert not random.memberships[3:, :2].any()
    assert not random.memberships[:3, 2].any()


def test_groups_with_a_single_training_image_are_left_out():
    groups = Groups(np.array([0, 1]), np.array([[1, 0], [1, 1], [0, 1]], bool))
    assert groups.large_enough(np.array([True, True, False])).owners.tolist() == [0]


def test_a_third_of_each_class_validates_and_a_class_of_one_image_trains():
    classes = np.array([0] * 9 + [1] * 3 + [2], np.int32)
    validates = split(classes, np.random.default_rng(0))
    assert [int(validates[classes == k].sum()) for k in range(3)] == [3, 1, 0]
    assert (split(classes, np.random.default_rng(0)) == validates).all()
    assert (split(classes, np.random.default_rng(1)) != validates).any()
