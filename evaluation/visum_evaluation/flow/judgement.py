"""How well the matches of one image's boxes in another one agree with the truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_client.errors import InvalidInputError
from visum_evaluation.flow.annotated_image import AnnotatedImage
from visum_evaluation.flow.key_points import carry_key_points
from visum_evaluation.flow.measures import correct_key_points
from visum_evaluation.flow.true_boxes import on_object, overlaps, true_boxes
from visum_proposals.boxes import Boxes
from visum_proposals.described_image import DescribedImage, PreparedImage
from visum_proposals.descriptors import describe_boxes
from visum_proposals.selective_search import ProposalOptions, find_proposals
from visum_proposals.whitening import Whitening


@dataclass(frozen=True)
class Subject:
    """A photograph and its proposals."""

    image: AnnotatedImage
    boxes: Boxes
    """int32 [M, 4]."""
    prepared: PreparedImage
    """The same, ready to be matched whole."""
    judged: NDArray[np.bool_]
    """The boxes on the object [M]."""

    @classmethod
    def of(cls, image: AnnotatedImage, options: ProposalOptions, whitening: Whitening) -> "Subject":
        """Finds and describes the proposals as the proposal service does.

        Raises:
            InvalidInputError: No proposal lies on the object; names the photograph.
        """
        boxes = find_proposals(image.view, image.sha256, options)
        judged = on_object(boxes, image)
        if not judged.any():
            raise InvalidInputError("has no box on its object", image.name)
        descriptors = describe_boxes(image.view, boxes, whitening)
        survivors = np.arange(len(boxes), dtype=np.int32)
        described = DescribedImage(boxes, descriptors, survivors, min(image.size))
        return cls(image, boxes, PreparedImage.of(described), judged)


@dataclass(frozen=True)
class Truth:
    """What the matches from one image to another are held against."""

    overlaps: NDArray[np.float64]
    """Intersection over union of each judged box's true place with each box of the other image [J, M]."""
    same_place: NDArray[np.float64]
    """The same with the box of equal relative coordinates [J]."""

    @classmethod
    def of(cls, source: Subject, target: Subject) -> "Truth":
        """The key points of both images tell where the boxes are."""
        judged = source.boxes[source.judged]
        places = true_boxes(judged, source.image, target.image)
        scale = np.tile(np.divide(target.image.size, source.image.size), 2)
        same = np.array([overlaps(a[None], b[None])[0, 0] for a, b in zip(places, judged * scale, strict=True)])
        return cls(overlaps(places, target.boxes.astype(np.float64)), same)


@dataclass(frozen=True)
class Judgement:
    """The matches of one image's boxes in another."""

    overlaps: NDArray[np.float64]
    """Intersection over union of each judged box's match with its true place [J]; 0 without a match."""
    ranked: NDArray[np.float64]
    """The same, best score first."""
    correct_key_points: NDArray[np.float64]
    """Fractions found within each threshold of PCK [T]."""


def judge(
    scores: NDArray[np.float32], source: Subject, target: Subject, truth: Truth, mirrored: bool = False
) -> Judgement:
    """Judges the best match of each box; `scores` [M_source, M_target] > 0 where boxes match, one mirrored or not."""
    rows = np.arange(len(scores))
    best = scores.argmax(axis=1)
    best_scores = scores[rows, best]
    judged_scores = best_scores[source.judged]
    found = truth.overlaps[np.arange(len(truth.overlaps)), best[source.judged]] * (judged_scores > 0)
    carried = carry_key_points(
        source.image.key_points,
        source.boxes.astype(np.float64),
        target.boxes[best].astype(np.float64),
        best_scores.astype(np.float64),
        mirrored,
    )
    correct = correct_key_points(carried, target.image.key_points)
    return Judgement(found, found[np.argsort(-judged_scores, kind="stable")], correct)
