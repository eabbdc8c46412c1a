"""The protos hold every call of the design, and say of each what it guarantees."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from visum.v1 import clustering_pb2, info_pb2, mask_pb2, proposal_pb2, specializer_pb2

PROTOS = Path(__file__).resolve().parents[2] / "protos" / "visum" / "v1"
CALLS = {
    (mask_pb2, "MaskService"): ["ExtractMask", "MeasureDrops", "ListModels"],
    (proposal_pb2, "ProposalService"): ["Describe", "SelectSurvivors", "Match"],
    (clustering_pb2, "ClusteringService"): ["Summarize"],
    (specializer_pb2, "SpecializerService"): [
        "Embed",
        "DescribeModel",
        "DescribeRegions",
        "SplitRegions",
        "Train",
        "Predict",
        "Export",
    ],
    (info_pb2, "InfoService"): ["GetServerInfo"],
}


@pytest.mark.parametrize(("module", "service"), CALLS)
def test_every_service_has_its_calls(module, service):
    methods = module.DESCRIPTOR.services_by_name[service].methods_by_name
    assert list(methods) == CALLS[module, service]


@pytest.mark.parametrize("path", sorted(PROTOS.glob("*.proto")), ids=lambda path: path.name)
def test_every_call_states_its_errors_and_its_guarantee_of_execution(path):
    comments = re.findall(r"((?:[ ]*//[^\n]*\n)+)[ ]*rpc (\w+)", path.read_text(encoding="utf-8"))
    for comment, call in comments:
        assert "Errors:" in comment, call
        assert "Pure" in comment, call


@pytest.mark.parametrize("path", sorted(PROTOS.glob("*.proto")), ids=lambda path: path.name)
def test_every_message_field_and_enum_value_has_a_comment(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    declaration = re.compile(r"^\s*(message \w+ \{|enum \w+ \{|service \w+ \{|(optional |repeated )?[\w.]+ \w+ = \d+;)")
    for previous, line in pairwise(lines):
        if declaration.match(line):
            assert previous.strip().startswith("//"), line
