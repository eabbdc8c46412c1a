"""What gives pictures their tags: another network than the explained one, or a file of some outside tagger."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from visum_client.errors import InvalidInputError
from visum_client.tags import normalized_tag
from visum_evaluation.coherency.agreement import TagSet
from visum_evaluation.coherency.wordnet import WordNet
from visum_models import Classifier
from visum_runtime.views import make_view

TAGS = 8
"""Tags of a picture, as in the paper."""
_MOST_PIXELS = 1 << 26


@dataclass(frozen=True, eq=False)
class Picture:
    """Something to be tagged."""

    path: str
    """Path of the image, as the run tells it."""
    pixels: NDArray[np.uint8]
    """RGB [H, W, 3]."""


class Tagger(Protocol):
    """Gives tags to pictures."""

    @property
    def fusing(self) -> str:
        """How synonyms become one: synsets (the tags are WordNet's), wordnet or lemmas."""
        ...

    def tags(self, picture: Picture) -> TagSet:
        """Nouns for what the picture shows, synonyms fused; empty where nothing is known of it."""
        ...


@dataclass(frozen=True, eq=False)
class NetworkTagger:
    """The best classes of a classifier. ImageNet's classes are WordNet synsets, so there is nothing to fuse."""

    classifier: Classifier
    fusing: str = "synsets"

    def tags(self, picture: Picture) -> TagSet:
        """The eight best classes, each by index and name, for two classes may have one name."""
        card = self.classifier.card
        view = make_view(Image.fromarray(picture.pixels), card.preprocessing.to_message(), "", _MOST_PIXELS)
        with torch.no_grad():
            scores = self.classifier.logits(self.classifier.to_pixels(view.pixels)[None])[0]
        best = scores.topk(min(TAGS, len(card.classes))).indices.tolist()
        return frozenset(f"{index} {card.classes[index]}" for index in best)


@dataclass(frozen=True, eq=False)
class FileTagger:
    """Tags from a file."""

    by_path: Mapping[str, TagSet]
    """Tags by path of the image, and by its file name where no other image has it."""
    fusing: str

    @classmethod
    def read(cls, path: Path, wordnet: WordNet | None) -> "FileTagger":
        """Reads tags: JSON, `{"image.jpg": ["dog", ...]}`, or CSV, an image and a tag a line.

        Images are known by the path that the run tells, else by their file names, unless several have the same.
        The first eight tags of an image count. Without a WordNet, tags are compared in lower case.

        Raises:
            InvalidInputError: It cannot be read, or is neither.
        """
        try:
            rows = list(_json_rows(path) if path.suffix.lower() == ".json" else _csv_rows(path))
        except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
            raise InvalidInputError(f"{path} cannot be read as tags: {error}", "tag_file") from error
        given: dict[str, list[str]] = {}
        for image, tag in rows:
            given.setdefault(image, []).append(tag)
        fuse = wordnet.fused if wordnet else str
        by_path = {image: frozenset(fuse(normalized_tag(tag)) for tag in tags[:TAGS]) for image, tags in given.items()}
        count = Counter(Path(image).name for image in by_path)
        by_name = {Path(image).name: tags for image, tags in by_path.items() if count[Path(image).name] == 1}
        return cls(by_name | by_path, "wordnet" if wordnet else "lemmas")

    def tags(self, picture: Picture) -> TagSet:
        """What the file says of the image."""
        known = (self.by_path.get(key) for key in (picture.path, Path(picture.path).name))
        return next((tags for tags in known if tags is not None), frozenset())


def _json_rows(path: Path) -> Iterable[tuple[str, str]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("it must be an object of images and their tags")
    for image, tags in content.items():
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise ValueError(f"the tags of {image} must be a list of texts")
        yield from ((image, tag) for tag in tags)


def _csv_rows(path: Path) -> Iterable[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if len(row) != 2:
                raise ValueError(f"line {number} has {len(row)} fields, expected an image and a tag")
            yield row[0], row[1]
