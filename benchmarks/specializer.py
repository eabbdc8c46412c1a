"""Training of specialized classifiers, and what the specialized module costs: ``python -m benchmarks.specializer``."""

import argparse
import resource
import statistics
import time

import numpy as np
import torch
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import roc_auc_score

from visum_models import Card, Classifier
from visum_models.layers import embed, feature_layer
from visum_models.networks import build_network, imagenet_classes, standard_preprocessing
from visum_specializer.specialized_network import specialize
from visum_specializer.summary_classifier import Combination, SummaryClassifier
from visum_specializer.svm import Standardization, fit_svms
from visum_specializer.train import EmbeddedImages, SummaryNames, TrainOptions, negatives, train

CLASSES = 18
SUMMARIES_PER_CLASS = 6
LATENT = 40
VALIDATION_SHARE = 4


def synthetic(count: int, features: int) -> EmbeddedImages:
    """Images of 18 classes; every class has six summaries, and half of its images are in one."""
    random = np.random.default_rng(0)
    truth = random.integers(0, CLASSES, count)
    kind = random.integers(0, 2 * SUMMARIES_PER_CLASS, count)
    centres = random.normal(size=(CLASSES, LATENT))
    kinds = random.normal(size=(CLASSES, 2 * SUMMARIES_PER_CLASS, LATENT))
    latent = centres[truth] + kinds[truth, kind] + 1.5 * random.normal(size=(count, LATENT))
    values = np.maximum(latent @ random.normal(size=(LATENT, features)) + 3 * random.normal(size=(count, features)), 0)
    logits = -((latent[:, None] - centres[None]) ** 2).sum(axis=2) / LATENT
    memberships = np.zeros((count, CLASSES * SUMMARIES_PER_CLASS), bool)
    member = kind < SUMMARIES_PER_CLASS
    memberships[member, truth[member] * SUMMARIES_PER_CLASS + kind[member]] = True
    probabilities = torch.from_numpy(logits).softmax(dim=1).numpy()
    return EmbeddedImages(
        values.astype(np.float32), probabilities.astype(np.float32), truth.astype(np.int32), memberships
    )


def part(images: EmbeddedImages, rows: slice) -> EmbeddedImages:
    return EmbeddedImages(*(column[rows] for column in vars(images).values()))


def measure_training(count: int, features: int) -> None:
    images = synthetic(count, features)
    cut = count // VALIDATION_SHARE
    validation, training = part(images, slice(cut)), part(images, slice(cut, None))
    owners = tuple(index // SUMMARIES_PER_CLASS for index in range(CLASSES * SUMMARIES_PER_CLASS))
    started = time.monotonic()
    trained = train("layer", SummaryNames(owners, tuple(map(str, owners))), training, validation, TrainOptions())
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{CLASSES} x {SUMMARIES_PER_CLASS} SVMs, {len(training)} images of {features} features: {seconds:.0f} s, "
        f"peak memory {peak:.1f} GiB; accuracy {trained.overall.before:.3f} -> {trained.overall.after:.3f}",
        flush=True,
    )
    compare_solvers(training, validation, np.array(owners))


def compare_solvers(training: EmbeddedImages, validation: EmbeddedImages, owners: np.ndarray) -> None:
    """liblinear and stochastic gradient descent on the first summary of six classes: seconds and area under curve."""
    columns = np.arange(0, len(owners), 3 * SUMMARIES_PER_CLASS)
    standardization = Standardization.of(training.features)
    rows, validating = standardization.apply(training.features), standardization.apply(validation.features)
    positive, negative = training.memberships[:, columns], negatives(training, owners)[:, columns]
    for c in TrainOptions().c_values:
        started = time.monotonic()
        planes = fit_svms(rows, positive, negative, c, 0, lambda: False)
        liblinear = (time.monotonic() - started) / len(columns)
        started, areas = time.monotonic(), []
        for place, column in enumerate(columns):
            used = positive[:, place] | negative[:, place]
            machine = SGDClassifier(alpha=1 / (c * used.sum()), class_weight="balanced", average=True, random_state=0)
            machine.fit(rows[used], positive[used, place])
            truth = validation.memberships[:, column]
            plane = validating @ planes[place, :-1]
            areas.append((roc_auc_score(truth, plane), roc_auc_score(truth, machine.decision_function(validating))))
        sgd = (time.monotonic() - started) / len(columns)
        ours, theirs = np.mean(areas, axis=0)
        print(
            f"  C {c:g}: liblinear {liblinear:.2f} s, area {ours:.4f}; SGD {sgd:.2f} s, area {theirs:.4f}", flush=True
        )


def measure_module(name: str, batch: int, rounds: int) -> None:
    """Time of the specialized module against the network alone, in turns."""
    card = Card(name, "0" * 64, name, imagenet_classes(), standard_preprocessing(name))
    classifier = Classifier(build_network(name, 1000), card)
    images = torch.randn(batch, 3, card.preprocessing.crop, card.preprocessing.crop)
    layer = feature_layer(classifier)
    width = embed(classifier, images[:1], layer).features.shape[1]
    count = CLASSES * SUMMARIES_PER_CLASS
    weights, biases = np.zeros((count, width), np.float32), np.zeros(count, np.float32)
    owners = tuple(index % CLASSES for index in range(count))
    summaries = SummaryClassifier(
        layer, Combination.NETWORK_SHARE, 0.5, weights, biases, owners, tuple(map(str, owners))
    )
    specialized = specialize(classifier, summaries)
    seconds: dict[str, list[float]] = {"alone": [], "specialized": []}
    with torch.no_grad():
        for _ in range(rounds):
            for kind, network in (("alone", classifier.network), ("specialized", specialized)):
                started = time.perf_counter()
                network(images)
                seconds[kind].append(time.perf_counter() - started)
    alone, ours = (statistics.median(values[1:]) for values in seconds.values())
    print(f"{name}, batch {batch}: alone {alone * 1e3:.1f} ms, specialized / alone {ours / alone:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--features", type=int, nargs="+", default=[512, 4096])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in ("squeezenet1_1", "alexnet", "resnet18"):
        measure_module(name, batch=8, rounds=options.rounds)
    for features in options.features:
        measure_training(options.images, features)


if __name__ == "__main__":
    main()
