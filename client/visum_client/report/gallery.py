"""Draws the figures of the report."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from visum_client.errors import RunFolderError
from visum_client.records import Box, Discarded, ImageRecord, Necessity, Part, Summary
from visum_client.report import wording
from visum_client.report.contents import Contents
from visum_client.report.figures import (
    DiscardedRow,
    ImageFigure,
    LeftOutRow,
    NecessityFigure,
    PartFigure,
    Picture,
    SummarySection,
    TagFigure,
)
from visum_client.report.outlines import outline_path
from visum_client.report.pictures import (
    Frame,
    Pixels,
    close_frame,
    draw_part,
    jpeg_data_uri,
    shrink,
    to_data_uri,
    whole_frame,
)
from visum_client.report.views import read_jpeg, read_mask, read_regions, read_view
from visum_client.tags import Tags, display_name, tag_counts

# Sides of pictures, pixels.
_EXEMPLAR_SIDE = 560
_OVERVIEW_SIDE = 320
_MEMBER_SIDE_MAX = 256
_MEMBER_SIDE_MIN = 128
_THUMBNAIL_SIDE = 112
# So many members are drawn at full size; where there are more they shrink, so that the file stays about as large.
_MEMBERS_AT_FULL_SIZE = 320
_DISCARDED_THUMBNAILS_MAX = 6


class Gallery:
    """Draws the figures of one run. Every method raises RunFolderError for views and masks that it cannot read.

    Args:
        contents: The run.
        tags: What people call its summaries.
    """

    def __init__(self, contents: Contents, tags: Sequence[Tags] = ()) -> None:
        self._folder = contents.folder
        self._tags = tags
        self._images = contents.used
        self._numbers = {digest: number for number, digest in enumerate(self._images, start=1)}
        self._member_side = _member_side(contents)

    def summary(self, summary: Summary) -> SummarySection:
        """Draws a summary."""
        title = wording.title(summary)
        drops = [member.drop for member in summary.members if member.drop is not None]
        start = min([0.0, *drops])
        return SummarySection(
            number=summary.index + 1,
            id=summary.id,
            title=title,
            overview=self._close_up(summary.exemplar, _OVERVIEW_SIDE),
            exemplar=self._part(summary.exemplar, title, self._whole(summary.exemplar, _EXEMPLAR_SIDE)),
            others=tuple(
                self._part(member, title, self._close_up(member, self._member_side)) for member in summary.members[1:]
            ),
            size=wording.counted(summary.images, "image"),
            share=wording.percent(summary.images / len(self._images)),
            drop=wording.percent(summary.drop),
            drop_position=None if summary.drop is None else _position(summary.drop, start),
            member_drop_positions=tuple(_position(drop, start) for drop in drops),
            scale_start=wording.percent(start),
            ssim=wording.number(summary.ssim),
            necessity=_necessity(summary.necessity),
            name=display_name(self._tags, summary.id),
            tags=tuple(
                TagFigure(tag, f"{count} of {len(self._tags)}") for tag, count in tag_counts(self._tags, summary.id)
            ),
        )

    def image(self, image: ImageRecord) -> ImageFigure:
        """Shows a used image with its mask."""
        digest = image.digest or ""
        height, width, _ = read_view(self._folder, digest).shape
        return ImageFigure(
            number=self._numbers[digest],
            name=_file_name(image.path),
            path=image.path,
            uri=jpeg_data_uri(read_jpeg(self._folder, digest)),
            width=width,
            height=height,
            outline=outline_path(read_mask(self._folder, digest)) if image.mask else "",
            facts=_image_facts(image),
            remark=image.reason or "",
        )

    def discarded(self, cluster: Discarded) -> DiscardedRow:
        """Shows a cluster that is no summary by its first members."""
        shown = cluster.members[:_DISCARDED_THUMBNAILS_MAX]
        return DiscardedRow(
            reason=wording.reason(cluster.reason),
            detail=cluster.detail,
            size=wording.counted(len({member.image for member in cluster.members}), "image"),
            ssim=wording.number(cluster.ssim),
            thumbnails=tuple(
                self._part(member, "a discarded cluster", self._close_up(member, _THUMBNAIL_SIDE)) for member in shown
            ),
            further=len(cluster.members) - len(shown),
        )

    def left_out(self, image: ImageRecord) -> LeftOutRow:
        """Shows an image that took no part, without a picture where the run has none."""
        has_view = image.digest is not None and self._folder.view(image.digest).exists()
        return LeftOutRow(
            name=_file_name(image.path),
            path=image.path,
            picture=self._thumbnail(image.digest) if has_view and image.digest else None,
            explanation=_explanation(image),
        )

    def _part(self, member: Part, title: str, picture: Picture) -> PartFigure:
        image = self._images[member.image]
        drop = wording.percent(member.drop)
        return PartFigure(
            picture=picture,
            image=self._numbers[member.image],
            name=_file_name(image.path),
            box=_svg_box(member.box),
            drop=drop,
            part_facts=f"Part: drop {drop}, similarity {wording.number(member.similarity)}",
            image_facts=f"Image: {_image_facts(image)}",
            alt=f"{_file_name(image.path)}: part of {title} in red" + ("" if member.drop is None else f", drop {drop}"),
        )

    def _whole(self, member: Part, side: int) -> Picture:
        regions = read_regions(self._folder, member.image)
        height, width = regions.shape
        return self._drawn(member, regions, whole_frame(height, width, side))

    def _close_up(self, member: Part, side: int) -> Picture:
        regions = read_regions(self._folder, member.image)
        return self._drawn(member, regions, close_frame(regions, member.box, member.region, side))

    def _drawn(self, member: Part, regions: NDArray[np.int32], frame: Frame) -> Picture:
        view = read_view(self._folder, member.image)
        if view.shape[:2] != regions.shape:
            raise RunFolderError(f"{self._folder.view(member.image)} and its region map differ in size")
        return _picture(draw_part(view, regions, member.box, member.region, frame))

    def _thumbnail(self, digest: str) -> Picture:
        return _picture(shrink(read_view(self._folder, digest), _THUMBNAIL_SIDE))


def _member_side(contents: Contents) -> int:
    summaries = contents.clustering.summaries if contents.clustering else ()
    members = sum(len(summary.members) for summary in summaries)
    shrunk = _MEMBER_SIDE_MAX * (_MEMBERS_AT_FULL_SIZE / max(1, members)) ** 0.5
    return round(min(_MEMBER_SIDE_MAX, max(_MEMBER_SIDE_MIN, shrunk)))


def _picture(pixels: Pixels) -> Picture:
    height, width, _ = pixels.shape
    return Picture(to_data_uri(pixels), width, height)


def _necessity(necessity: Necessity | None) -> NecessityFigure | None:
    if necessity is None:
        return None
    low, high = necessity.low, necessity.high
    interval = "" if low is None else f"{wording.number(low)} to {wording.number(high)}"
    return NecessityFigure(wording.number(necessity.mean), interval, wording.necessity_remark(necessity))


def _position(drop: float, start: float) -> float:
    """Place of a drop on a scale from `start` to a full drop, percent."""
    return round(100 * (drop - start) / (1 - start), 1)


def _svg_box(box: Box) -> str:
    x0, y0, x1, y1 = box
    return f"{x0} {y0} {x1 - x0} {y1 - y0}"


def _file_name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name or path


def _image_facts(image: ImageRecord) -> str:
    facts = f"probability {wording.percent(image.target_probability)}"
    mask = image.mask
    if mask is None:
        return facts
    return f"{facts}; mask {wording.percent(mask.area)} of the image, drop {wording.percent(mask.drop_binary)}"


def _explanation(image: ImageRecord) -> str:
    if image.status != "unrecognized":
        return image.reason or "No reason was recorded."
    if not image.predicted:
        return image.reason or "Not recognized."
    best = image.predicted[0]
    return f"{best.name} ({wording.percent(best.probability)}); target {wording.percent(image.target_probability)}"
