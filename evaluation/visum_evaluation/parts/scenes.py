"""Fresh pictures of a planted class, and what a place in one of them shows."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from visum_client import Run
from visum_client.files import write_atomically
from visum_client.records import Part
from visum_demo import DEFAULT, EASY, HARD, Difficulty, Rendering, load_world, render
from visum_demo.truth import Box, planted_part
from visum_demo.worlds import WorldName
from visum_wire import regions_from_png

FIRST_SEED = 5_000_000
"""Beyond the seeds of training, evaluation, causal figures and shipped pictures."""
SEEDS_A_ROUND = 100_000
"""Pictures of two rounds never meet."""
DIFFICULTIES: dict[str, Difficulty] = {"easy": EASY, "default": DEFAULT, "hard": HARD}


@dataclass(frozen=True)
class Scenes:
    """Pictures of one class, numbered from 0."""

    world: WorldName
    difficulty: str
    class_name: str
    round: int
    """Which pictures; every round has its own."""
    count: int

    def rendering(self, number: int) -> Rendering:
        """A picture and the truth about it."""
        seed = FIRST_SEED + self.round * SEEDS_A_ROUND + number
        return _rendering(self.world, self.difficulty, self.class_name, seed)

    def pictures(self) -> NDArray[np.uint8]:
        """All of them, RGB [count, 128, 128, 3]."""
        return np.stack([self.rendering(number).image for number in range(self.count)])

    def write(self, folder: Path) -> None:
        """Writes the pictures as PNG where they are missing. Raises OSError where that is not possible."""
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(self.count):
            file = folder / f"{self.class_name}-{number:05d}.png"
            if not file.exists():
                write_atomically(file, _png(self.rendering(number).image), durable=False)

    def shown(self, number: int, mask: NDArray[np.bool_]) -> str | None:
        """The planted part that most of a mask [128, 128] of a picture shows; None: none, or the mask is empty."""
        rows, columns = np.where(mask)
        if len(rows) == 0:
            return None
        box: Box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        return planted_part(self.rendering(number), mask, box)

    def shown_by(self, run: Run, part: Part) -> str | None:
        """The planted part that a member of a run over these pictures shows."""
        return self.shown(number_of(part), part_mask(run, part))


def number_of(part: Part) -> int:
    """Number of the picture that a part lies in."""
    return int(Path(part.path).stem.rpartition("-")[2])


def part_mask(run: Run, part: Part) -> NDArray[np.bool_]:
    """Pixels of a part, bool [S, S]: those of its region inside its box."""
    regions = regions_from_png(run.folder.mask(part.image, "regions").read_bytes(), "regions")
    x0, y0, x1, y1 = part.box
    mask = np.zeros(regions.shape, dtype=bool)
    mask[y0:y1, x0:x1] = regions[y0:y1, x0:x1] == part.region
    return mask


def _png(pixels: NDArray[np.uint8]) -> bytes:
    is_written, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not is_written:
        raise OSError("a picture could not be written as PNG")
    return encoded.tobytes()


@lru_cache(maxsize=512)
def _rendering(world: WorldName, difficulty: str, class_name: str, seed: int) -> Rendering:
    return render(load_world(world, DIFFICULTIES[difficulty]).scene(class_name, seed))
