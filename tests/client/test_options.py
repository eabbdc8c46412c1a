"""Options: defaults, validation, and what goes over the wire."""

import dataclasses
from enum import Enum

import pytest
from visum.v1 import clustering_pb2, mask_pb2, proposal_pb2

import visum_clustering.options
import visum_mask.options
import visum_proposals.proposal_flow
import visum_proposals.selective_search
import visum_proposals.survivors
from visum_client import (
    ClusteringOptions,
    DescribeOptions,
    InvalidInputError,
    MaskOptions,
    MatchOptions,
    SurvivorOptions,
)
from visum_client.options import OPTIONS


@pytest.mark.parametrize("kind", [kind for kind in OPTIONS.values() if kind.message], ids=lambda kind: kind.step)
def test_options_have_the_fields_of_their_message(kind):
    assert [field.name for field in dataclasses.fields(kind)] == [
        field.name for field in kind.message.DESCRIPTOR.fields
    ]


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (MaskOptions(), visum_mask.options.MaskOptions()),
        (ClusteringOptions(), visum_clustering.options.ClusteringOptions()),
        (DescribeOptions(), visum_proposals.selective_search.ProposalOptions()),
        (SurvivorOptions(), visum_proposals.survivors.SurvivorOptions()),
        (MatchOptions(), visum_proposals.proposal_flow.MatchOptions()),
    ],
    ids=["mask", "clustering", "describe", "survivors", "match"],
)
def test_defaults_are_those_of_the_service(client, server):
    for name, value in dataclasses.asdict(server).items():
        if name in ("target_drop", "reach", "min_region_area"):
            continue  # class runs ask for less and keep smaller regions, see below
        ours = getattr(client, name)
        assert ours is None or ours == (value.name.lower() if isinstance(value, Enum) else value), name


def test_choices_and_numbers_go_over_the_wire():
    mask = MaskOptions(mode="literal", iterations=30).to_message()
    assert mask.mode == mask_pb2.MaskOptions.MODE_LITERAL
    assert mask.iterations == 30
    assert MatchOptions(method="nam").to_message().method == proposal_pb2.MatchOptions.METHOD_NAM
    assert ClusteringOptions(ssim_rule="off").to_message().ssim_rule == clustering_pb2.ClusteringOptions.SSIM_RULE_OFF
    assert SurvivorOptions(add_region_boxes=False).to_message().HasField("add_region_boxes")


def test_what_is_left_to_the_service_stays_unset():
    message = MaskOptions().to_message()
    assert not any(message.HasField(name) for name in ("iterations", "grid"))


def test_class_runs_ask_for_coarser_masks_than_the_service_makes_by_default():
    options = MaskOptions().for_parts(224, "paper")
    service = visum_mask.options.MaskOptions()
    assert (options.grid, service.cells(224)) == (14, 28)
    assert options.target_drop < service.required_drop
    assert (options.min_region_area, options.reach) == (0.01, None)
    assert MaskOptions(grid=20).for_parts(224, "paper").grid == 20
    assert MaskOptions().for_parts(32, "paper").grid == 4
    assert MaskOptions(mode="literal").for_parts(224, "paper").grid is None


def test_where_regions_are_the_parts_masks_are_fine_and_need_not_reach_what_no_blur_does():
    options = MaskOptions().for_parts(224, "consensus")
    assert (options.grid, options.min_region_area, options.reach) == (16, 0.003, 0.85)
    assert MaskOptions().for_parts(128, "consensus").grid == 16
    assert MaskOptions().for_parts(32, "consensus").grid == 8
    assert MaskOptions().for_parts(8, "consensus").grid == 4
    assert MaskOptions(mode="literal").for_parts(224, "consensus").grid is None
    chosen = MaskOptions(grid=9, target_drop=0.7, min_region_area=0.5, reach=0.1)
    assert chosen.for_parts(224, "consensus") == chosen


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: MaskOptions(mode="crispy"), "mask.mode"),
        (lambda: MaskOptions(iterations=9), "mask.iterations"),
        (lambda: MaskOptions(iterations=30.5), "mask.iterations"),
        (lambda: MaskOptions(blur_sigma=0), "mask.blur_sigma"),
        (lambda: MaskOptions(target_drop=float("nan")), "mask.target_drop"),
        (lambda: MaskOptions(min_region_area=-0.1), "mask.min_region_area"),
        (lambda: DescribeOptions(max_boxes=True), "describe.max_boxes"),
        (lambda: DescribeOptions(max_boxes=None), "describe.max_boxes"),
        (lambda: SurvivorOptions(add_region_boxes="yes"), "survivors.add_region_boxes"),
        (lambda: MatchOptions(min_score=float("inf")), "match.min_score"),
        (lambda: ClusteringOptions(min_images=1), "clustering.min_images"),
        (lambda: ClusteringOptions(preset=None), "clustering.preset"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_option(make, field):
    with pytest.raises(InvalidInputError) as caught:
        make()
    assert caught.value.field == field


def test_options_are_read_from_texts():
    texts = {"iterations": "30", "blur_sigma": "5", "mode": "iebb"}
    assert MaskOptions.with_texts(texts) == MaskOptions(iterations=30, blur_sigma=5.0, mode="iebb")
    assert SurvivorOptions.with_texts({"add_region_boxes": "false"}) == SurvivorOptions(add_region_boxes=False)


@pytest.mark.parametrize("texts", [{"iterations": "many"}, {"iterations": "3.5"}, {"nothing": "1"}])
def test_wrong_texts_are_errors_that_name_the_option(texts):
    with pytest.raises(InvalidInputError) as caught:
        MaskOptions.with_texts(texts)
    assert caught.value.field == f"mask.{next(iter(texts))}"
