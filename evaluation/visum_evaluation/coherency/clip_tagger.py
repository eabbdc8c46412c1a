"""Tags by a network of pictures and texts: the nouns of a list that lie nearest (CLIP; Radford et al. 2021)."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from visum_client.errors import InvalidInputError, NotBuiltError
from visum_client.tags import normalized_tag
from visum_evaluation.coherency.agreement import TagSet
from visum_evaluation.coherency.taggers import TAGS, Picture
from visum_evaluation.coherency.wordnet import WordNet

_PROMPT = "a photo of a {}"
_TEXTS_AT_ONCE = 256


class Encoder(Protocol):
    """Puts pictures and texts into one space."""

    def picture(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Where a picture, RGB [H, W, 3], lies: float [D]."""
        ...

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Where texts lie: float [N, D]."""
        ...


@dataclass(frozen=True, eq=False)
class ClipTagger:
    """The eight nouns nearest to a picture by cosine."""

    encoder: Encoder
    nouns: tuple[str, ...]
    """As tags are compared, synonyms fused."""
    places: Tensor
    """Where the nouns lie, float [N, D], of length 1."""
    fusing: str

    @classmethod
    def of(cls, encoder: Encoder, nouns: Sequence[str], wordnet: WordNet | None) -> "ClipTagger":
        """A tagger that chooses among nouns; without a WordNet they are compared in lower case."""
        texts = [_PROMPT.format(noun) for noun in nouns]
        chunks = [texts[k : k + _TEXTS_AT_ONCE] for k in range(0, len(texts), _TEXTS_AT_ONCE)]
        with torch.no_grad():
            places = normalize(torch.cat([encoder.texts(chunk) for chunk in chunks]).float(), dim=1)
        fuse = wordnet.fused if wordnet else str
        fused = tuple(fuse(normalized_tag(noun)) for noun in nouns)
        return cls(encoder, fused, places, "wordnet" if wordnet else "lemmas")

    def tags(self, picture: Picture) -> TagSet:
        """The eight nearest nouns; fewer where some of them are synonyms."""
        with torch.no_grad():
            place = normalize(self.encoder.picture(picture.pixels).float(), dim=0)
        nearest = (self.places @ place).topk(min(TAGS, len(self.nouns))).indices.tolist()
        return frozenset(self.nouns[index] for index in nearest)


@dataclass(frozen=True, eq=False)
class OpenClip:
    """A network of the library OpenCLIP."""

    network: Any
    prepare: Any
    """Makes the network's input of a picture."""
    tokenize: Any

    @classmethod
    def read(cls, architecture: str, weights: Path) -> "OpenClip":
        """A network by its name in OpenCLIP, as ViT-B-32, with weights from a file; nothing is downloaded.

        Raises:
            NotBuiltError: OpenCLIP is not installed.
            InvalidInputError: There is no such architecture, or the file does not fit it.
        """
        try:
            open_clip = importlib.import_module("open_clip")
        except ImportError as error:
            raise NotBuiltError("OpenCLIP is not installed: pip install 'visum-evaluation[clip]'") from error
        if architecture not in open_clip.list_models():
            raise InvalidInputError(f"OpenCLIP has no network {architecture!r}", "clip")
        if not weights.is_file():
            raise InvalidInputError(f"{weights} is not a file", "clip_weights")
        try:
            network, _, prepare = open_clip.create_model_and_transforms(architecture, pretrained=str(weights))
        except Exception as error:  # whatever torch says of a file that is no weights, or of others
            raise InvalidInputError(f"{weights} cannot be read as weights of {architecture}", "clip_weights") from error
        return cls(network.eval(), prepare, open_clip.get_tokenizer(architecture))

    def picture(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Where a picture, RGB [H, W, 3], lies: float [D]."""
        place: Tensor = self.network.encode_image(self.prepare(Image.fromarray(pixels))[None])[0]
        return place

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Where texts lie: float [N, D]."""
        places: Tensor = self.network.encode_text(self.tokenize(list(texts)))
        return places


def read_nouns(path: Path) -> list[str]:
    """The nouns of a text file, one a line; empty lines do not count.

    Raises:
        InvalidInputError: It cannot be read, or has none.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read as a list of nouns: {error}", "nouns") from error
    nouns = list(dict.fromkeys(line for line in lines if line))
    if not nouns:
        raise InvalidInputError(f"{path} has no nouns", "nouns")
    return nouns
