"""What the report shows, in the words and pictures in which it shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A picture inside the page."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class PartFigure:
    """A part as the paper draws it."""

    picture: Picture
    image: int  # number of its image, from 1
    name: str  # file name of the image
    box: str  # "x y width height", view pixels
    drop: str
    part_facts: str
    image_facts: str
    alt: str


@dataclass(frozen=True)
class NecessityFigure:
    """What is lost without a summary."""

    value: str
    interval: str  # empty: there is none
    remark: str  # empty: the network needs the parts


@dataclass(frozen=True)
class TagFigure:
    """A tag that people gave a summary."""

    text: str
    people: str


@dataclass(frozen=True)
class SummarySection:
    """One summary."""

    number: int
    id: str
    title: str
    overview: Picture
    exemplar: PartFigure
    others: tuple[PartFigure, ...]
    size: str
    share: str
    drop: str
    drop_position: float | None  # on the scale of drops, percent of its length
    member_drop_positions: tuple[float, ...]
    scale_start: str
    ssim: str
    necessity: NecessityFigure | None
    name: str  # what people call it; empty: nobody said
    tags: tuple[TagFigure, ...]  # most proposed first


@dataclass(frozen=True)
class ImageFigure:
    """A view with its mask."""

    number: int
    name: str
    path: str
    uri: str
    width: int
    height: int
    outline: str  # SVG path data; empty: no mask
    facts: str
    remark: str  # what is remarkable about it; empty: nothing


@dataclass(frozen=True)
class DiscardedRow:
    """A cluster that is no summary."""

    reason: str
    detail: str
    size: str
    ssim: str
    thumbnails: tuple[PartFigure, ...]
    further: int


@dataclass(frozen=True)
class LeftOutRow:
    """An image that took no part."""

    name: str
    path: str
    picture: Picture | None
    explanation: str
