"""Outlines have the areas, sizes and places that their names promise."""

import cv2
import numpy as np
import pytest

from visum_demo import geometry


def area(outline: geometry.Outline) -> float:
    return float(cv2.contourArea(outline.astype(np.float32)))


def test_areas_of_known_figures() -> None:
    assert area(geometry.rectangle(1, 2, 4, 8)) == pytest.approx(18.0)
    assert area(geometry.ellipse(0, 0, 3, 2, tilt_deg=33)) == pytest.approx(6 * np.pi, rel=0.01)
    assert area(geometry.rectangle(0, 0, 10, 10, radius=2)) == pytest.approx(100 - (4 - np.pi) * 4, rel=0.01)
    assert area(geometry.fan(5, 5, 4, 0, 90, lobes=1, depth=0.0)) == pytest.approx(4 * np.pi, rel=0.01)
    assert area(geometry.ribbon([(0, 0), (10, 0)], [2, 2])) == pytest.approx(20.0)


def test_smooth_outline_passes_through_its_knots() -> None:
    knots = [(0.0, 0.0), (4.0, 1.0), (5.0, 6.0), (-1.0, 4.0)]
    assert np.allclose(geometry.smooth(*knots, samples=8)[::8], knots)


def test_star_alternates_between_its_radii_and_looks_up() -> None:
    points = geometry.star(2, 3, 5, 1, 6) - (2, 3)
    assert np.allclose(np.linalg.norm(points, axis=1), [5, 1] * 6)
    assert np.allclose(points[0], (0, -5))


def test_turning_back_and_forth_changes_nothing() -> None:
    outline = geometry.star(2, 3, 5, 1, 6)
    assert np.allclose(geometry.turned(geometry.turned(outline, 7, -2, 40), 7, -2, -40), outline)
    assert not np.allclose(geometry.turned(outline, 7, -2, 40), outline)


def test_composition_applies_the_last_map_first() -> None:
    both = geometry.compose(geometry.shift(10, 0), geometry.rotation(90), geometry.scaling(2))
    assert np.allclose(geometry.transform(geometry.polygon((1, 0)), both), [[10, 2]])


def test_stripes_leave_gaps_as_wide_as_themselves() -> None:
    bars = geometry.stripes(0, 0, 12, 5, count=3)
    assert [float(bar[:, 0].min()) for bar in bars] == [0, 4, 8]
    assert sum(area(bar) for bar in bars) == pytest.approx(30.0)
