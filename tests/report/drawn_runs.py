"""Run folders drawn on the spot, as a finished run leaves them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from visum_wire import mask_to_png, regions_to_png

HOSTILE_NAMES = (
    "<script>window.hacked = 1</script>.jpg",
    '"onload="window.hacked=1" x=\'.jpg',
    "\u05db\u05dc\u05d1 \u202ezorg.jpg",
    "a" * 240 + ".jpg",
    "</style></script><img src=x onerror=window.hacked=1>.jpg",
    "{{ 7 * 7 }}{% raw %}&amp;.jpg",
)


_NO_VIEW: dict[str, Any] = {
    "target_probability": None,
    "original_size": None,
    "view_size": None,
    "view_to_original": None,
    "mask": None,
}


@dataclass(frozen=True)
class World:
    """What a drawn run folder holds."""

    images: int = 8
    summaries: int = 3
    side: int = 96
    unrecognized: int = 2
    failed: int = 1
    texture: float = 0.0  # standard deviation of pixel noise, grey levels
    target: str = "painted bird"


@dataclass(frozen=True)
class Bird:
    """One drawing: the view, its region map, and the boxes of the parts."""

    view: Image.Image
    regions: np.ndarray
    boxes: tuple[tuple[tuple[int, int, int, int], int], ...]  # (box, region) a part: head, body, legs, tail


def draw_bird(seed: int, side: int, texture: float) -> Bird:
    """Draws a bird on a lawn; head and body are one region, the legs another."""
    random = np.random.default_rng(seed)
    unit = side / 96
    left, top = random.integers(-8, 9, size=2)
    hue = tuple(int(value) for value in random.integers(60, 220, size=3))
    view = Image.new("RGB", (side, side), (120, 170, 210))
    draw = ImageDraw.Draw(view)
    draw.rectangle((0, 70 * unit, side, side), fill=(80, 130, 60))

    def place(x0: float, y0: float, x1: float, y1: float) -> tuple[int, int, int, int]:
        return tuple(int(value * unit) for value in (x0 + left, y0 + top, x1 + left, y1 + top))  # type: ignore[return-value]

    head, body, legs, tail = place(56, 18, 76, 38), place(28, 30, 66, 62), place(42, 62, 54, 78), place(14, 34, 32, 46)
    draw.ellipse(body, fill=hue)
    draw.ellipse(head, fill=tuple(min(255, value + 50) for value in hue))
    draw.rectangle(legs, fill=(200, 120, 30))
    draw.ellipse(tail, fill=(40, 40, 60))
    salient = Image.new("L", (side, side), 0)
    marker = ImageDraw.Draw(salient)
    marker.ellipse(body, fill=1)
    marker.ellipse(head, fill=1)
    marker.rectangle(legs, fill=2)
    pixels = np.asarray(view, dtype=np.float64) + random.normal(0, texture, size=(side, side, 3))
    view = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return Bird(view, np.asarray(salient).astype(np.int32), ((head, 1), (body, 1), (legs, 2), (tail, 1)))


def write_run_folder(folder: Path, world: World) -> Path:
    """Draws a finished run."""
    (folder / "views").mkdir(parents=True)
    (folder / "masks").mkdir()
    birds = {_digest(seed): draw_bird(seed, world.side, world.texture) for seed in range(world.images)}
    records = [_used(folder, number, digest, bird) for number, (digest, bird) in enumerate(birds.items())]
    records += [_unrecognized(folder, number, world) for number in range(world.unrecognized)]
    records += [_failed(number) for number in range(world.failed)]
    _write_json(folder / "images.json", {"images": records})
    _write_json(folder / "summaries.json", _summaries(birds, records, world))
    _write_json(folder / "run.json", _run(world))
    return folder


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    """Changes a JSON file in place."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def _digest(seed: int) -> str:
    return hashlib.sha256(str(seed).encode()).hexdigest()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps({"format": 1, **content}, indent=2), encoding="utf-8")


def _name(number: int) -> str:
    return HOSTILE_NAMES[number] if number < len(HOSTILE_NAMES) else f"bird_{number:03}.jpg"


def _used(folder: Path, number: int, digest: str, bird: Bird) -> dict[str, Any]:
    bird.view.save(folder / "views" / f"{digest}.jpg", quality=85)
    (folder / "masks" / f"{digest}.png").write_bytes(mask_to_png(bird.regions > 0))
    (folder / "masks" / f"{digest}.regions.png").write_bytes(regions_to_png(bird.regions))
    mask = {"area": float(np.mean(bird.regions > 0)), "drop_raw": 0.9999, "drop_binary": 0.9989, "drop_regions": 0.99}
    return {
        "digest": digest,
        "path": f"birds/{_name(number)}",
        "status": "used",
        "reason": None,
        "predicted": [{"index": 3, "name": "painted bird", "probability": 0.97}],
        "target_probability": 0.97,
        "original_size": [320, 240],
        "view_size": list(bird.view.size),
        "view_to_original": {"xx": 2.0, "yy": 2.0, "x0": 0.0, "y0": 0.0},
        "mask": mask | {"regions": [], "iterations": 150, "target_reached": True},
    }


def _unrecognized(folder: Path, number: int, world: World) -> dict[str, Any]:
    digest = _digest(1000 + number)
    draw_bird(1000 + number, world.side, world.texture).view.save(folder / "views" / f"{digest}.jpg")
    predicted = [{"index": 7, "name": "painted <b>fish</b>", "probability": 0.61}]
    record = {"digest": digest, "path": f"birds/odd_{number}.jpg", "status": "unrecognized", "reason": None}
    return record | _NO_VIEW | {"predicted": predicted, "target_probability": 0.08}


def _failed(number: int) -> dict[str, Any]:
    record = {"digest": None, "path": f"birds/broken_{number}.jpg", "status": "failed"}
    return record | _NO_VIEW | {"reason": "not a picture: it begins with <html>", "predicted": []}


def _member(digest: str, bird: Bird, part: int, order: int) -> dict[str, Any]:
    box, region = bird.boxes[part]
    return {
        "image": digest,
        "path": "",
        "part": order,
        "box": list(box),
        "region": region,
        "similarity": 5.0 - 0.1 * order,
    }


def _summaries(birds: dict[str, Bird], records: list[dict[str, Any]], world: World) -> dict[str, Any]:
    summaries = []
    for index in range(world.summaries):
        part, chosen = index % 3, list(birds.items())[: max(3, world.images - index)]
        members = [_member(digest, bird, part, order) for order, (digest, bird) in enumerate(chosen)]
        for order, member in enumerate(members):
            member["drop"] = [0.62, 0.31, 0.04][part] + 0.01 * (order % 5)
        entry = {"index": index, "id": f"S{index + 1}", "images": len(members), "ssim": 0.41 - 0.1 * part}
        drop = float(np.mean([member["drop"] for member in members]))
        summaries.append(entry | {"drop": drop, "drop_log_odds": 3.2, "exemplar": members[0], "members": members})
    lost = [_member(digest, bird, 3, order) for order, (digest, bird) in enumerate(list(birds.items())[:2])]
    discarded = {"reason": "too_few_images", "detail": "2 images, 3 needed", "ssim": 0.2, "members": lost}
    counts = {"singletons": 4, "redundant": 1, "converged": True, "iterations": 80, "damping": 0.9}
    return {"summaries": summaries, "discarded": [discarded], **counts, "ssim_reference": 0.4}


def _run(world: World) -> dict[str, Any]:
    stages = ("masks", "proposals", "matching", "clustering", "drops")
    return {
        "status": "complete",
        "created": "2025-11-23T06:40:00Z",
        "finished": "2025-11-23T06:42:00Z",
        "configuration": {
            "model": {"name": "tinynet", "sha256": "ab" * 32, "architecture": "tinynet"},
            "target": {"index": 3, "name": world.target},
            "images": {"count": world.images, "sha256": "cd" * 32},
            "mask": {"mode": "crisp", "preset": None},
            "admit_unrecognized": False,
        },
        "versions": {"client": "0.1.0", "services": {"mask": {"version": "0.1.0", "deterministic": True}}},
        "stages": {name: {"status": "done", "done": 8, "total": 8, "seconds": 12.5} for name in stages},
        "error": None,
    }
