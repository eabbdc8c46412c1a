"""Pieces that belong to no family: decoys, corner tags, and the things that lie about in each world."""

from ..geometry import ellipse, polygon, rectangle, ribbon, smooth, star
from ..parts import Part, marking, solid

ROSETTE = Part(
    "rosette",
    (
        solid(
            "second",
            polygon((-4, 2), (-6, 11), (-3, 9.5), (0, 12), (1, 3)),
            polygon((4, 2), (6, 11), (3, 9.5), (0, 12), (-1, 3)),
            shade=0.75,
        ),
        solid("second", star(0, 0, 6.6, 5.2, 12)),
        marking("white", ellipse(0, 0, 3.4)),
    ),
    swing_deg=15,
    depth=5,
)

BUTTERFLY = Part(
    "butterfly",
    (
        solid("first", smooth((0, 0), (-2, -7), (-8, -7.5), (-8, -1)), smooth((0, 0), (2, -7), (8, -7.5), (8, -1))),
        solid(
            "first",
            smooth((0, 0), (-7, 1), (-6.5, 6.5), (-2, 6)),
            smooth((0, 0), (7, 1), (6.5, 6.5), (2, 6)),
            shade=0.85,
        ),
        marking("white", ellipse(-5.2, -4, 1.5), ellipse(5.2, -4, 1.5)),
        solid("ink", ellipse(0, 0, 1.2, 5)),
    ),
    swing_deg=25,
    depth=5,
)

SQUARE_TAG = Part(
    "corner tag",
    (
        solid("white", rectangle(-8, -5, 8, 5, 1.6)),
        marking(
            "ink",
            *(
                rectangle(x, -3, x + w, 3)
                for x, w in ((-5.8, 1.2), (-3.8, 0.7), (-2.4, 1.8), (0.4, 0.8), (2, 1.4), (4.2, 1.5))
            ),
        ),
    ),
    swing_deg=3,
    depth=9,
)

ROUND_TAG = Part(
    "corner stamp",
    (
        solid("white", star(0, 0, 7.6, 6.7, 14)),
        marking("second", star(0, 0, 5.2, 2.2, 5)),
    ),
    swing_deg=12,
    depth=9,
)

LEAF = Part(
    "leaf",
    (
        solid("first", smooth((-9, 0), (-2, -5), (5, -3), (10, 1), (4, 4), (-3, 4.5))),
        marking("first", ribbon([(-9, 0), (10, 1)], [0.9, 0.5]), shade=0.65),
    ),
    swing_deg=180,
)

MUSHROOM = Part(
    "mushroom",
    (
        solid("white", ribbon([(0, -1), (0.5, 9)], [4.5, 5.5]), shade=0.92),
        solid("first", smooth((-9, 0), (-6, -6), (0, -8.5), (6, -6), (9, 0), (0, 1.5), samples=5)),
        marking("white", ellipse(-3.5, -3.5, 1.5), ellipse(2.5, -5, 1.7), ellipse(5.5, -1.5, 1.1)),
    ),
    swing_deg=14,
)

FLOWER = Part(
    "flower",
    (
        solid(
            "first",
            ellipse(0, -5, 3, 4),
            ellipse(5, -1, 4, 3),
            ellipse(3, 5, 3.3, 3.3),
            ellipse(-3, 5, 3.3, 3.3),
            ellipse(-5, -1, 4, 3),
        ),
        solid("white", ellipse(0, 0.5, 2.6)),
    ),
    swing_deg=40,
)

PEBBLE = Part(
    "pebble",
    (
        solid("first", smooth((-9, 2), (-6, -4), (1, -6), (8, -3), (9, 3), (0, 6))),
        marking("white", ellipse(-2, -2.5, 2.6, 1, -15), shade=0.95),
    ),
    swing_deg=35,
)

CACTUS = Part(
    "cactus",
    (
        solid("first", ribbon([(0, 10), (0, -9)], [6, 6]), ellipse(0, -9, 3)),
        solid("first", ribbon([(0, 4), (6, 2), (6.5, -4)], [3.4, 3.4, 3.4]), ellipse(6.5, -4, 1.7)),
        marking("white", *(ellipse(x, y, 0.5) for x, y in ((-1, -6), (1, -2), (-1, 2), (1, 6)))),
    ),
    swing_deg=10,
)

PUFF = Part(
    "puff",
    (solid("white", ellipse(-6, 1, 5, 4), ellipse(0, -2, 6, 5.5), ellipse(6.5, 1, 5, 4), shade=0.97),),
    swing_deg=6,
)
