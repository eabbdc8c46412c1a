"""The page about the world shows the shipped figures, and its code runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from visum_demo.pictures import contact_sheet, mask_overlay
from visum_demo.render import Rendering
from visum_demo.tables import filled

PAGE = Path(__file__).parents[2] / "docs" / "parts-world.md"


def test_the_tables_are_those_of_the_shipped_figures() -> None:
    text = PAGE.read_text()
    assert text.count("<!-- table:") == 5
    assert filled(text) == text, "run: python -m visum_demo.tables docs/parts-world.md"


def test_tables_are_filled_in_place() -> None:
    page = filled("before\n<!-- table: accuracy -->\nstale\n<!-- end -->\nafter")
    assert page.startswith("before\n<!-- table: accuracy -->\n| world |")
    assert page.endswith("|\n<!-- end -->\nafter")
    assert "stale" not in page
    with pytest.raises(KeyError):
        filled("<!-- table: nonsense -->\n<!-- end -->")


def test_every_picture_of_the_page_exists_and_is_small() -> None:
    names = re.findall(r"\]\((pictures/[^)]+)\)", PAGE.read_text())
    assert len(names) >= 5
    for name in names:
        assert 0 < (PAGE.parent / name).stat().st_size < 300_000, name


def test_the_code_of_the_page_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    whole, bare = names["whole"], names["bare"]
    assert isinstance(whole, Rendering)
    assert isinstance(bare, Rendering)
    assert "fan tail" in whole.part_masks
    assert "fan tail" not in bare.part_masks


def test_a_contact_sheet_holds_every_tile_in_reading_order() -> None:
    tiles = [np.full((8, 8, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = contact_sheet(tiles, ["", "", ""], columns=2, tile_px=8)
    assert sheet.shape == (34, 34, 3)
    assert sheet[10, 10, 0] == 10
    assert sheet[10, 24, 0] == 20
    assert sheet[24, 10, 0] == 30
    assert sheet[24, 24, 0] == 255


def test_the_overlay_shows_parts_in_colour_and_the_rest_in_grey() -> None:
    part = np.zeros((128, 128), dtype=bool)
    part[:10] = True
    image = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    overlay = mask_overlay(Rendering(image, {"body": np.roll(part, 20, axis=0), "wing": part}))
    assert (overlay[40:].max(axis=-1) == overlay[40:].min(axis=-1)).all()
    assert (overlay[:10].max(axis=-1).astype(int) - overlay[:10].min(axis=-1) > 50).all()
