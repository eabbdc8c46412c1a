"""What the page on security says, held against the code."""

import re

from tests.conftest import ROOT
from visum_clustering.server import ClusteringSettings
from visum_mask.server import MaskServerSettings
from visum_specializer.server import SpecializerSettings

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
OF_CLIENTS = {"tls-ca", "images-at"}


def test_versions_are_those_that_are_pinned():
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line
    )
    pins = {name: version for name, version in pins.items() if " " not in name}
    stated = dict(re.findall(r"^\| ([a-z][a-z-]+) \| ([\d.]+) \|", PAGE, re.MULTILINE))
    assert len(stated) >= 11
    assert stated == {name: pins[name] for name in stated}


def test_flags_are_settings_of_servers():
    servers = (MaskServerSettings, ClusteringSettings, SpecializerSettings)
    settings = {name for server in servers for name in server.__dataclass_fields__}
    named = set(re.findall(r"--([a-z][a-z0-9-]+)", PAGE)) - OF_CLIENTS
    fields = {name.removeprefix("no-").replace("-", "_") for name in named - {"json"}}
    assert len(fields) >= 15
    assert fields <= settings
