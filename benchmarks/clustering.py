"""Speed and memory of clustering, on one core: `python -m benchmarks.clustering --json`.

Seconds are those of the processor, so that what else runs on the machine falls out.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AffinityPropagation
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from visum_clustering.affinity_propagation import STABLE_ITERATIONS, Clustering, preference_of, propagate_affinity
from visum_clustering.feature_sets import FeatureSet
from visum_clustering.options import ClusteringOptions, Preset
from visum_clustering.parts import THUMBNAIL_SIDE, Edges, Parts
from visum_clustering.similarity import Similarity, log_similarities
from visum_clustering.summarize import summarize
from visum_clustering.summarize_by_consensus import MOST_COMPARED, summarize_by_consensus

PARTS_AN_IMAGE = 15
NEIGHBOURS = 150
"""Scores that the client keeps of a part."""
DIMENSIONS = 24
SHARPNESS = 5.0
PARTS_A_KIND = 150
FEATURE_WIDTHS = (4096, 512)
"""Of the two kinds of features of the preset consensus."""
FORBIDDEN = -1e6
DENSE_ITERATIONS = 10
BLOCK = 500


def main() -> None:
    """Prints the figures as a table, or with --json as one JSON object."""
    parser = argparse.ArgumentParser(description="Measures the speed and memory of clustering.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--full", action="store_true", help="run the dense form at 5000 parts to its end (minutes)")
    parser.add_argument("--child", nargs=2, metavar=("CHAIN", "PARTS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with threadpool_limits(1):
        if arguments.child:
            print(json.dumps(measure_chain(arguments.child[0], int(arguments.child[1]))))
            return
        figures = measure_propagation(arguments.full) | measure_labels()
        for chain, count in (("paper", 20_000), ("consensus", MOST_COMPARED)):
            figures |= in_child(chain, count)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value}")


def measure_propagation(full: bool) -> dict[str, Any]:
    """Affinity propagation of 5000 parts along stored edges, and by scikit-learn on the same matrix.

    The rule of convergence is the same, and so are the messages but for the noise that breaks ties: unless `full`,
    scikit-learn's time is that of a few iterations, times the iterations that ours took.
    """
    similarity = log_similarities(planted_class(5000)[1], 5000)
    matrix, preference = dense(similarity), preference_of(similarity, 5.0)
    propagate_affinity(similarity, preference, max_iterations=2)
    few, _ = timed(lambda: scikit_learn(matrix, preference, 0.9, DENSE_ITERATIONS))
    sparse, ours = timed(lambda: propagate_affinity(similarity, preference))
    more, _ = timed(lambda: scikit_learn(matrix, preference, 0.9, 2 * DENSE_ITERATIONS))
    iteration = (more - few) / DENSE_ITERATIONS
    found: dict[str, Any] = {
        "speedup_5000": round((few + iteration * (ours.iterations - DENSE_ITERATIONS)) / sparse, 1),
        "iteration_ms_5000": round(sparse / ours.iterations * 1e3, 2),
        "dense_iteration_ms_5000": round(iteration * 1e3, 1),
        "edges_5000": len(similarity.values),
        "iterations_5000": ours.iterations,
        "converged_5000": ours.converged,
    }
    if full:
        seconds, model = timed(lambda: scikit_learn(matrix, preference, ours.damping, 1000))
        found["speedup_5000_full"] = round(seconds / sparse, 1)
        found["dense_iterations_5000"] = int(model.n_iter_)
        found["ari_5000"] = rand_index(model, ours)
    return found


def measure_labels() -> dict[str, float]:
    """Adjusted Rand index of our labels and scikit-learn's for 2000 parts."""
    similarity = log_similarities(planted_class(2000)[1], 2000)
    preference = preference_of(similarity, 5.0)
    ours = propagate_affinity(similarity, preference)
    return {"ari_2000": rand_index(scikit_learn(dense(similarity), preference, ours.damping, 1000), ours)}


def rand_index(model: AffinityPropagation, ours: Clustering) -> float:
    """Adjusted Rand index of two clusterings, 1 where they are the same."""
    return round(float(adjusted_rand_score(model.labels_, ours.exemplars)), 6)


def scikit_learn(
    matrix: NDArray[np.float64], preference: float, damping: float, iterations: int
) -> AffinityPropagation:
    """The dense form, fitted; a bound that it does not reach its end in is no mistake here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return AffinityPropagation(
            affinity="precomputed",
            preference=preference,
            damping=damping,
            max_iter=iterations,
            convergence_iter=STABLE_ITERATIONS,
            random_state=0,
        ).fit(matrix)


def in_child(chain: str, count: int) -> dict[str, Any]:
    """What a fresh process measures, so that its peak is that of the chain."""
    command = [sys.executable, "-m", "benchmarks.clustering", "--child", chain, str(count)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def measure_chain(chain: str, count: int) -> dict[str, Any]:
    """A whole chain, from scores or features to summaries; the peak is that of the process, its class included."""
    if chain == "paper":
        parts, edges = planted_class(count)
        warm, warm_edges = planted_class(300)
        summarize(warm, warm_edges, 20, ClusteringOptions())
        seconds, result = timed(lambda: summarize(parts, edges, images_of(count), ClusteringOptions()))
    else:
        parts, features = described_class(count)
        options = ClusteringOptions(Preset.CONSENSUS)
        seconds, result = timed(lambda: summarize_by_consensus(parts, features, images_of(count), options))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    name = f"{count}" if chain == "paper" else f"{chain}_{count}"
    found = {
        f"seconds_{name}": round(seconds, 1),
        f"peak_mb_{name}": round(peak),
        f"summaries_{name}": len(result.summaries),
    }
    if chain == "paper":
        found |= {
            f"edges_{name}": len(edges),
            f"iterations_{name}": result.iterations,
            f"converged_{name}": result.converged,
        }
    return found


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of one call, and what it returned."""
    started = time.process_time()
    result = function()
    return time.process_time() - started, result


def images_of(count: int) -> int:
    """Images of a class of so many parts."""
    return -(-count // PARTS_AN_IMAGE)


def planted_class(count: int) -> tuple[Parts, Edges]:
    """Parts of several kinds, alike within a kind; of each part the best scores to parts of other images."""
    generator = np.random.default_rng(0)
    kinds = generator.normal(size=(max(count // PARTS_A_KIND, 10), DIMENSIONS))
    places = kinds[generator.integers(len(kinds), size=count)] + generator.normal(size=(count, DIMENSIONS))
    places = (places / np.linalg.norm(places, axis=1, keepdims=True)).astype(np.float32)
    images = (np.arange(count) // PARTS_AN_IMAGE).astype(np.int32)
    blocks = [best_scores(places, images, start) for start in range(0, count, BLOCK)]
    return parts_of(images), Edges(*(np.concatenate(column) for column in zip(*blocks, strict=True)))


def best_scores(
    places: NDArray[np.float32], images: NDArray[np.int32], start: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Sources, targets and scores of a block of parts."""
    rows = slice(start, start + BLOCK)
    scores = np.exp(SHARPNESS * (places[rows] @ places.T - 1))
    scores[images[rows, None] == images] = 0
    best = np.argpartition(-scores, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    sources = np.repeat(np.arange(start, start + len(scores)), NEIGHBOURS)
    values = np.take_along_axis(scores, best, 1).ravel()
    stored = values > 0
    return sources[stored].astype(np.int32), best.ravel()[stored].astype(np.int32), values[stored]


def described_class(count: int) -> tuple[Parts, list[FeatureSet]]:
    """Parts of several kinds with two kinds of features."""
    generator = np.random.default_rng(0)
    kind = generator.integers(12, size=count)
    features = []
    for width in FEATURE_WIDTHS:
        centres = generator.normal(size=(12, width)).astype(np.float32)
        rows = [centres[kind] + 2 * generator.standard_normal((count, width), np.float32) for _ in range(2)]
        features.append(FeatureSet(*(side.astype(np.float16) for side in rows)))
    return parts_of((np.arange(count) // PARTS_AN_IMAGE).astype(np.int32)), features


def parts_of(images: NDArray[np.int32]) -> Parts:
    """Parts of these images, each on a place of its own, with noise for thumbnails."""
    count = len(images)
    starts = np.stack([20 * (np.arange(count) % PARTS_AN_IMAGE), np.zeros(count, int)], axis=1)
    boxes = np.hstack([starts, starts + 10]).astype(np.int32)
    thumbnails = np.random.default_rng(1).integers(0, 256, (count, THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)
    return Parts(images, boxes, np.ones(count, np.int32), np.zeros((count, 2), np.float16), thumbnails)


def dense(similarity: Similarity) -> NDArray[np.float64]:
    """The matrix of similarities; what is not stored is forbidden."""
    matrix = np.full((len(similarity),) * 2, FORBIDDEN)
    matrix[similarity.rows(), similarity.neighbours] = similarity.values
    return matrix


if __name__ == "__main__":
    main()
