"""What services cost a class run, against the same work in one process: `python -m benchmarks.services --json`.

Everything runs on one core, the services' processes, too, so that overlapping work cannot hide what the services add.
Both are measured in turns, the fastest turn of each counts, and both write the report.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import psutil
import torch

from benchmarks.in_process import summarize_in_process
from visum_client import Client, LocalSettings, NecessityOptions, Run
from visum_client.report import write_report
from visum_demo.shipped import IMAGES, load_truth, model_path
from visum_models import Classifier, ModelRepository
from visum_models.repository import ModelSettings

IMAGES_A_RUN = 6
TURNS = 2


@dataclass(frozen=True)
class Cost:
    """Of one turn."""

    seconds: float
    """By the clock."""
    processor_seconds: float
    """Of all processes together."""


def main() -> None:
    """Prints the figures as a table, or with --json as one JSON object."""
    parser = argparse.ArgumentParser(description="Measures what services add to a class run.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--images", type=int, default=IMAGES_A_RUN, help="images of the run (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=TURNS, help="turns of each (default: %(default)s)")
    arguments = parser.parse_args()
    figures = measure(arguments.images, arguments.turns)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")


def measure(images: int, turns: int) -> dict[str, float]:
    """Both ways in turns, on one core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    files = sorted(IMAGES.iterdir())[:images]
    with tempfile.TemporaryDirectory() as folder, Client.local(LocalSettings(threads=1)) as client:
        _, run = over_services(client, files, Path(folder) / "first")  # starts the services, fills caches of compilers
        network, target = load_network(), run.configuration["target"]["index"]
        in_process(network, target, files, run)  # the same for this process
        pairs = [
            (over_services(client, files, Path(folder) / "turn")[0], in_process(network, target, files, run))
            for _ in range(turns)
        ]
    served, called = zip(*pairs, strict=True)
    fastest = [min(cost.seconds for cost in costs) for costs in (served, called)]
    processor = [min(cost.processor_seconds for cost in costs) for costs in (served, called)]
    return {
        "overhead_ratio": round(fastest[0] / fastest[1], 3),
        "processor_ratio": round(processor[0] / processor[1], 3),
        "median_ratio": round(statistics.median(one.seconds / other.seconds for one, other in pairs), 3),
        "services_seconds": round(fastest[0], 2),
        "in_process_seconds": round(fastest[1], 2),
        "services_processor_seconds": round(processor[0], 2),
        "in_process_processor_seconds": round(processor[1], 2),
        "images": images,
    }


def over_services(client: Client, files: list[Path], out: Path) -> tuple[Cost, Run]:
    """A class run in a fresh folder, removed afterwards but for what its report needs."""
    shutil.rmtree(out, ignore_errors=True)
    truth = load_truth()
    with measured() as costs:
        run = client.summarize(
            model=model_path(truth.world), target=truth.class_name, images=files, out=out, progress=False
        )
    return costs[0], run


def in_process(network: Classifier, target: int, files: list[Path], run: Run) -> Cost:
    """The same work, called; the report is that of the run. Raises SystemExit where it finds other summaries."""
    with measured() as costs:
        found = summarize_in_process(network, target, files, NecessityOptions().places)
        write_report(run.path)
    if found != [[(part.image, part.box) for part in summary.members] for summary in run.summaries]:
        raise SystemExit("both ways must find the same summaries")
    return costs[0]


@contextmanager
def measured() -> Iterator[list[Cost]]:
    """What happens within, by the clock and by the processor time of this process and its children."""
    costs: list[Cost] = []
    started, spent = time.perf_counter(), processor_seconds()
    yield costs
    costs.append(Cost(time.perf_counter() - started, processor_seconds() - spent))


def processor_seconds() -> float:
    """Of this process and its children so far."""
    me = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (me, *me.children(recursive=True)))


def load_network() -> Classifier:
    """The network of the demo, as the mask service loads it."""
    path = model_path(load_truth().world)
    repository = ModelRepository(ModelSettings(model_dir=path.parent, trust_model_dir=True))
    (card,) = [card for card in repository.cards() if card.name == path.stem]
    return repository.load(card.name, card.sha256)


if __name__ == "__main__":
    main()
