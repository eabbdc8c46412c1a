"""Training of specialized classifiers, and what their module costs: `python -m benchmarks.specializer --json`."""

import argparse
import json
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
    """Some of the images."""
    return EmbeddedImages(*(column[rows] for column in vars(images).values()))


def measure_training(count: int, features: int) -> dict[str, object]:
    """Time and peak memory of a whole training, and both solvers beside each other."""
    images = synthetic(count, features)
    cut = count // VALIDATION_SHARE
    validation, training = part(images, slice(cut)), part(images, slice(cut, None))
    owners = tuple(index // SUMMARIES_PER_CLASS for index in range(CLASSES * SUMMARIES_PER_CLASS))
    started, worked = time.monotonic(), time.process_time()
    trained = train("layer", SummaryNames(owners, tuple(map(str, owners))), training, validation, TrainOptions())
    seconds, processor_seconds = time.monotonic() - started, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return {
        "images": len(training),
        "features": features,
        "svms": CLASSES * SUMMARIES_PER_CLASS,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor_seconds, 1),
        "peak_mb": round(peak),
        "accuracy": {"before": trained.overall.before, "after": trained.overall.after},
        "solvers": compare_solvers(training, validation, np.array(owners)),
    }


def compare_solvers(training: EmbeddedImages, validation: EmbeddedImages, owners: np.ndarray) -> dict[str, object]:
    """Seconds a fit and area under the curve of liblinear and stochastic gradient descent, by C, on six summaries."""
    columns = np.arange(0, len(owners), 3 * SUMMARIES_PER_CLASS)
    standardization = Standardization.of(training.features)
    rows, validating = standardization.apply(training.features), standardization.apply(validation.features)
    positive, negative = training.memberships[:, columns], negatives(training, owners)[:, columns]
    found: dict[str, object] = {}
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
        found[f"{c:g}"] = {
            "liblinear": {"seconds": round(liblinear, 3), "area": round(float(ours), 4)},
            "sgd": {"seconds": round(sgd, 3), "area": round(float(theirs), 4)},
        }
    return found


def measure_module(name: str, batch: int, rounds: int) -> float:
    """Median time of the specialized module over that of the network alone, in turns.

    Processor time of this process, so that others on the machine count as little as can be.
    """
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
                started = time.process_time()
                network(images)
                seconds[kind].append(time.process_time() - started)
    alone, ours = (statistics.median(values[1:]) for values in seconds.values())
    return round(ours / alone, 3)


def main() -> None:
    """Prints the figures as one JSON object, on one line with --json."""
    parser = argparse.ArgumentParser(description="Measures the training and the cost of specialized classifiers.")
    parser.add_argument("--json", action="store_true", help="print one line")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--features", type=int, nargs="+", default=[512, 4096])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    networks = ("squeezenet1_1", "alexnet", "resnet18")
    figures = {
        "ratio_to_network": {name: measure_module(name, batch=8, rounds=options.rounds) for name in networks},
        "training": [measure_training(options.images, features) for features in options.features],
    }
    print(json.dumps(figures, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
