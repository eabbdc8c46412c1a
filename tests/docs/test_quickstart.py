"""Every command and program of the quickstart works, in the order in which they stand there."""

from pathlib import Path

import pytest

from tests.docs.conftest import QUICKSTART, REAL_DATA
from tests.docs.documents import Newcomer
from visum_client import Run


def test_what_the_quickstart_says_works_from_top_to_bottom(striped: Newcomer) -> None:
    for name in ("striped", "served"):
        assert Run.load(striped.folder / "runs" / name).report.is_file()


@pytest.mark.long
def test_a_torchvision_network_works_as_the_quickstart_says(newcomer: Newcomer, visum_data: Path) -> None:
    (newcomer.folder / "squeezenet1_1.pth").symlink_to(visum_data / "weights" / "squeezenet1_1.pth")
    (newcomer.folder / "dogs").symlink_to(visum_data / "images" / "n02099601_golden_retriever")
    (block,) = [block for block in QUICKSTART if block.note == REAL_DATA]
    newcomer.type(block)
    assert Run.load(newcomer.folder / "runs" / "dogs").report.is_file()
