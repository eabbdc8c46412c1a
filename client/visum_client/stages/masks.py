"""The mask of each image."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from visum.v1 import common_pb2, mask_pb2, specializer_pb2

from visum_client.errors import PreconditionError
from visum_client.files import write_if_changed
from visum_client.folder import RunFolder
from visum_client.images import ImageFile
from visum_client.methods import EXTRACT_MASK, SPLIT_REGIONS
from visum_client.options import CONSENSUS, PAPER
from visum_client.records import Box, ClassScore, ImageRecord, Mask, ViewToOriginal
from visum_client.stages.job import Job, finite
from visum_wire import from_array, mask_from_png, regions_from_png

STAGE = "masks"
KINDS = ("binary", "raw", "regions")
"""The pictures of a mask."""


@dataclass(frozen=True)
class Extracted:
    """What the mask service found in an image."""

    record: ImageRecord
    """What the network says of it, and its mask in figures."""
    view_jpeg: bytes
    """The view, as a JPEG."""
    mask_pngs: Mapping[str, bytes]
    """The mask by kind (KINDS), each a PNG; empty where there is none."""

    @property
    def regions_png(self) -> bytes | None:
        """Map of the regions; None where there is no region."""
        has_regions = self.record.mask is not None and self.record.mask.regions
        return self.mask_pngs["regions"] if has_regions else None


async def extract_mask(job: Job, image: ImageFile) -> Extracted:
    """Asks for the mask of an image. Raises VisumError."""
    options = job.options.mask.for_parts(job.view_side, job.options.clustering.preset)
    request = mask_pb2.ExtractMaskRequest(
        image=common_pb2.Image(sha256=image.digest or ""),
        model=job.card.ref,
        target=job.target,
        options=options.to_message(),
        admit_unrecognized=job.admit_unrecognized,
    )
    on_reused = partial(job.progress.reuse, STAGE)
    decode = partial(_decode, image)
    (record, response), _ = await job.calls.call(EXTRACT_MASK, request, decode, image, on_reused, network=job.card)
    if (mask := record.mask) is None:
        return Extracted(record, response.view.jpeg, {})
    pngs = {kind: getattr(response.mask, f"{kind}_png") for kind in KINDS}
    if not mask.regions:
        smallest = f"{options.min_region_area:.1%}"
        record = replace(record, reason=f"its mask has no region of {smallest} of the view")
    elif job.options.clustering.preset == CONSENSUS:
        boxes, pngs["regions"] = await _split_regions(job, image, pngs["regions"])
        record = replace(record, mask=replace(mask, regions=boxes))
    return Extracted(record, response.view.jpeg, pngs)


async def _split_regions(job: Job, image: ImageFile, regions_png: bytes) -> tuple[tuple[Box, ...], bytes]:
    """Regions of the size of parts: their boxes and their map."""
    request = specializer_pb2.SplitRegionsRequest(
        image=common_pb2.Image(sha256=image.digest or ""),
        model=job.card.ref,
        regions_png=regions_png,
        options=job.options.regions.to_message(),
    )
    try:
        return (await job.calls.call(SPLIT_REGIONS, request, _split, image, network=job.card.preprocessing))[0]
    except PreconditionError as error:
        advice = f"choose the clustering's preset {PAPER} (--option clustering.preset={PAPER})"
        raise PreconditionError(error.message, error.field, image=image.label, what_to_do=advice) from error


def _split(response: specializer_pb2.SplitRegionsResponse) -> tuple[tuple[Box, ...], bytes]:
    regions = regions_from_png(response.regions_png, "regions_png")
    boxes = from_array(response.region_boxes, "region_boxes", "int32", (int(regions.max(initial=0)), 4))
    return tuple(tuple(box) for box in boxes.tolist()), response.regions_png


def write_mask(folder: RunFolder, extracted: Extracted) -> None:
    """Puts view and mask of an image into a run folder."""
    digest = extracted.record.digest or ""
    write_if_changed(folder.view(digest), extracted.view_jpeg)
    for kind, png in extracted.mask_pngs.items():
        write_if_changed(folder.mask(digest, "" if kind == "binary" else kind), png)


def _decode(
    image: ImageFile, response: mask_pb2.ExtractMaskResponse
) -> tuple[ImageRecord, mask_pb2.ExtractMaskResponse]:
    view = response.view
    record = ImageRecord(
        digest=image.digest,
        path=image.label,
        status="used" if response.HasField("mask") else "unrecognized",
        reason=None if response.HasField("mask") else _unrecognized(response),
        predicted=tuple(_score(score) for score in response.top),
        target_probability=finite(response.target.probability, "target.probability"),
        original_size=(view.original_width, view.original_height),
        view_size=(view.width, view.height),
        view_to_original=_map(view.to_original),
        mask=_mask(response.mask, (view.height, view.width)) if response.HasField("mask") else None,
    )
    return record, response


def _score(message: common_pb2.ClassScore) -> ClassScore:
    return ClassScore(message.index, message.name, finite(message.probability, "top.probability"))


def _map(message: common_pb2.ViewToOriginal) -> ViewToOriginal:
    xx, yy, x0, y0 = (finite(getattr(message, name), f"view.to_original.{name}") for name in ("xx", "yy", "x0", "y0"))
    return ViewToOriginal(xx, yy, x0, y0)


def _mask(mask: mask_pb2.Mask, shape: tuple[int, int]) -> Mask:
    mask_from_png(mask.binary_png, "mask.binary_png", shape)
    regions_from_png(mask.regions_png, "mask.regions_png", shape)
    boxes = from_array(mask.region_boxes, "mask.region_boxes", "int32", (None, 4))
    return Mask(
        area=finite(mask.area, "mask.area"),
        drop_raw=finite(mask.drop_raw, "mask.drop_raw"),
        drop_binary=finite(mask.drop_binary, "mask.drop_binary"),
        drop_regions=finite(mask.drop_regions, "mask.drop_regions"),
        regions=tuple(tuple(box) for box in boxes.tolist()),
        iterations=mask.iterations,
        target_reached=mask.target_reached,
        required_drop=finite(mask.required_drop, "mask.required_drop"),
    )


def _unrecognized(response: mask_pb2.ExtractMaskResponse) -> str:
    if not response.top:
        return "the network's best class is another"
    best = response.top[0]
    return f"the network sees {best.name} ({best.probability:.0%}); the target has {response.target.probability:.2%}"
