"""A whole class run on this machine: `python -m benchmarks.class_run --json`.

The images are pictures of one class of the demo's planted-parts world, rendered with seeds of their own; the network is
the one that the demo ships. Masks are made with few iterations: here they are only something to select survivors by.
The preset is `paper`, the one that describes and matches proposals.
The run is made twice: with all images, then with half of them, whose masks and proposals come from the first run's
cache, so that matching and clustering can be compared at two sizes.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import comb
from pathlib import Path
from typing import Any

import cv2
import psutil

from visum_demo.render import render
from visum_demo.shipped import model_path
from visum_demo.worlds import load_world

IMAGES = 200
MASK_ITERATIONS = 20
WORLD = "test"
CLASS = "hoopoe"
FIRST_SEED = 40_000_000
SAMPLE_SECONDS = 0.1
CLIENT = "client"
START = "start"
STAGES = ("masks", "proposals", "matching", "clustering", "drops", "report")
CLIENT_SCRIPT = """
import json, pathlib, sys
from visum_client import Client, ClusteringOptions, MaskOptions
order = json.loads(sys.argv[1])
model, mask = pathlib.Path(order.pop("model")), MaskOptions(iterations=order.pop("iterations"))
options = {"mask": mask, "clustering": ClusteringOptions(preset="paper"), "admit_unrecognized": True}
with Client.local() as client:
    client.summarize(**order, **options, model=model, progress=False)
"""
MODULES = {f"visum_{name}": name for name in ("mask", "proposals", "clustering")}
PROCESSES = (CLIENT, *MODULES.values())
_MIB = 1 << 20


@dataclass
class Peaks:
    """What the processes of a run took, stage by stage."""

    bytes: dict[str, dict[str, int]] = field(default_factory=dict)
    """Largest resident memory of each process in each stage."""
    cpu_seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    """Processor seconds of each process up to the end of each stage."""

    def add(self, stage: str, process: str, resident: int, seconds: float) -> None:
        """Takes a sample in."""
        peaks = self.bytes.setdefault(stage, {})
        peaks[process] = max(peaks.get(process, 0), resident)
        self.cpu_seconds.setdefault(stage, {})[process] = seconds


def main() -> None:
    """Prints a table of each run on standard error, and with --json one JSON object on standard output."""
    parser = argparse.ArgumentParser(description="Measures a class run, stage by stage.")
    parser.add_argument("--images", type=int, default=IMAGES, help=f"images of the class (default {IMAGES})")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = measure(arguments.images)
    if arguments.json:
        print(json.dumps(figures))


def measure(count: int) -> dict[str, Any]:
    """Renders the pictures and makes both runs."""
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        draw(images, count)
        runs = []
        for size in (count, count // 2):
            runs.append(measure_run(images, size, Path(folder)))
            print(*table(runs[-1]), sep="\n", file=sys.stderr, flush=True)
    return {"mask_iterations": MASK_ITERATIONS, "cores": len(os.sched_getaffinity(0)), "runs": runs}


def draw(folder: Path, count: int) -> None:
    """Writes pictures of the class."""
    folder.mkdir()
    world = load_world(WORLD)
    for number in range(count):
        picture = render(world.scene(CLASS, FIRST_SEED + number)).image
        cv2.imwrite(str(folder / f"{number:05d}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def measure_run(images: Path, count: int, folder: Path) -> dict[str, Any]:
    """Makes a run of the first images by a client in a process of its own, and watches it."""
    out = folder / f"run-{count}"
    order = {"model": str(model_path(WORLD)), "target": CLASS, "images": str(images), "limit": count}
    order |= {"out": str(out), "cache": str(folder / "cache"), "iterations": MASK_ITERATIONS}
    command = [sys.executable, "-c", CLIENT_SCRIPT, json.dumps(order)]
    started = time.monotonic()
    with subprocess.Popen(command) as process:
        peaks = watch(process, out / "run.json")
    if process.returncode:
        raise RuntimeError(f"the run ended with code {process.returncode}")
    seconds = time.monotonic() - started
    stages = json.loads((out / "run.json").read_text())["stages"]
    parts = json.loads((out / "summaries.json").read_text())
    return {
        "images": count,
        "pairs": comb(count, 2),
        "summaries": len(parts["summaries"]),
        "seconds": round(seconds, 1),
        "stages": {name: stage_figures(name, stages[name], peaks) for name in STAGES},
    }


def watch(process: "subprocess.Popen[bytes]", log: Path) -> Peaks:
    """Samples the client and its services until it ends. Masks and proposals are made at the same time."""
    peaks = Peaks()
    while process.poll() is None:
        stage = current_stage(log)
        with contextlib.suppress(psutil.NoSuchProcess):
            client = psutil.Process(process.pid)
            for name, watched in [(CLIENT, client), *services_of(client)]:
                times = watched.cpu_times()
                peaks.add(stage, name, watched.memory_info().rss, times.user + times.system)
        time.sleep(SAMPLE_SECONDS)
    return peaks


def current_stage(log: Path) -> str:
    """The first stage that run.json does not call complete; `start` until the services are connected."""
    try:
        content = json.loads(log.read_text())
    except (OSError, ValueError):
        return START
    if not content["versions"]["services"]:
        return START
    return next((name for name in STAGES if content["stages"][name]["status"] != "complete"), STAGES[-1])


def services_of(client: psutil.Process) -> Iterator[tuple[str, psutil.Process]]:
    """The services that a client has started, by name."""
    for child in client.children():
        for word in child.cmdline():
            if word in MODULES:
                yield MODULES[word], child


def stage_figures(name: str, stage: dict[str, Any], peaks: Peaks) -> dict[str, Any]:
    """Time and memory of a stage; those of masks and proposals, which are made at the same time, are of both."""
    sampled = STAGES[0] if name == STAGES[1] else name
    return {
        "items": stage["done"],
        "reused": stage["reused"],
        "seconds": stage["seconds"],
        "cpu_seconds": {process: round(spent(process, sampled, peaks), 2) for process in PROCESSES},
        "peak_mib": {process: round(size / _MIB) for process, size in peaks.bytes.get(sampled, {}).items()},
    }


def spent(process: str, stage: str, peaks: Peaks) -> float:
    """Processor seconds of a process in a stage: up to its end, less those up to the end of the one before."""
    totals = [peaks.cpu_seconds.get(name, {}).get(process, 0.0) for name in (START, *STAGES)]
    place = (START, *STAGES).index(stage)
    return max(0.0, totals[place] - max(totals[:place]))


def table(run: dict[str, Any]) -> Iterator[str]:
    """A line a stage."""
    yield f"{run['images']} images, {run['pairs']} pairs: {run['seconds']} s, {run['summaries']} summaries"
    for name, stage in run["stages"].items():
        peaks = stage["peak_mib"].items()
        taken = ", ".join(f"{process} {stage['cpu_seconds'][process]:.1f} s {peak} MiB" for process, peak in peaks)
        yield f"  {name:12}{stage['items']:>7} items{stage['seconds']:>9.1f} s   {taken}"


if __name__ == "__main__":
    main()
