"""Finished runs of a small network that tells colours apart badly, and labelled images of these colours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.networks import SmallNetwork, export
from tests.support.pictures import noise
from visum_client.files import file_digest

SIDE = 32
NAMES = ("plain", "red", "green", "blue")
COLOURS = {"red": (150, 60, 60), "green": (60, 150, 60)}


def write_network(folder: Path) -> Path:
    """A network that has learned nothing, with its card."""
    path = folder / "small.pt2"
    export(SmallNetwork(), path)
    plain = {"resize": SIDE, "crop": SIDE, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
    path.with_suffix(".json").write_text(json.dumps({"name": "small", "classes": NAMES, "preprocessing": plain}))
    return path


def draw_images(folder: Path, first_seed: int, count: int = 8) -> Path:
    """A folder a colour, with so many noisy pictures of it."""
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.array(colour) + (noise(SIDE, SIDE, first_seed + number).astype(int) - 128) // 3
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


def write_run(folder: Path, network: Path, name: str, groups: list[list[Path]], **changes: Any) -> Path:
    """A finished run of a class, with a summary a group of images; it has neither views nor masks."""
    (folder / "views").mkdir(parents=True)
    digests = [[file_digest(path) for path in group] for group in groups]
    configuration = {
        "model": {"name": "small", "sha256": file_digest(network), "architecture": "exported program"},
        "target": {"index": NAMES.index(name), "name": name},
        "images": {"count": 8, "sha256": "0" * 64},
    }
    content = {"format": 1, "status": "complete", "configuration": configuration, "versions": {}, "stages": {}}
    (folder / "run.json").write_text(json.dumps(content | changes))
    (folder / "images.json").write_text(json.dumps({"format": 1, "images": []}))
    summaries = [_summary(index, members) for index, members in enumerate(digests)]
    (folder / "summaries.json").write_text(json.dumps({"format": 1, "summaries": summaries, "discarded": []}))
    return folder


def write_runs(folder: Path, network: Path, training: Path) -> list[Path]:
    """Two summaries of red, one of green, none of blue."""
    red, green = (sorted((training / name).iterdir()) for name in COLOURS)
    return [
        write_run(folder / "red", network, "red", [red[:4], red[4:]]),
        write_run(folder / "green", network, "green", [green]),
        write_run(folder / "blue", network, "blue", []),
    ]


def _summary(index: int, digests: list[str]) -> dict[str, Any]:
    members = [
        {"image": digest, "path": "x.png", "part": 0, "box": [0, 0, 8, 8], "region": 1, "similarity": 1.0}
        for digest in digests
    ]
    figures = {"ssim": None, "drop": 0.5, "drop_log_odds": 1.0}
    return {"index": index, "id": f"S{index + 1}", "images": len(digests), "members": members, **figures}
