"""A long-necked dinosaur: head, back and tail tip tell the classes apart; the legs are everyone's."""

import numpy as np

from ..geometry import ellipse, fan, polygon, ribbon, smooth, stripes
from ..parts import Family, Part, marking, solid

_BODY = Part(
    "body",
    (
        solid(
            "body",
            smooth(
                (39, -20),
                (37, -27),
                (29, -31),
                (21, -27),
                (16, -15),
                (8, -7),
                (-5, -7),
                (-17, -2),
                (-29, 6),
                (-38, 8),
                (-38, 12),
                (-27, 14),
                (-14, 18),
                (2, 21),
                (15, 18),
                (23, 8),
                (26, -5),
                (29, -14),
                (36, -15),
            ),
        ),
        marking(
            "belly", smooth((32, -14), (25, -10), (19, 2), (6, 12), (-12, 13), (-36, 11), (-20, 26), (20, 26), (32, 6))
        ),
        marking("first", ellipse(30, -19.5, 2.6, 1.8), shade=1.1),
        marking("white", ellipse(30.5, -24, 3.4)),
        marking("ink", ellipse(31.4, -23.8, 2.1)),
        marking("white", ellipse(32.1, -24.7, 0.8)),
        marking("ink", ribbon([(39, -18.5), (36, -17.2), (33, -17.8)], [0.8, 0.9, 0.6])),
    ),
    depth=0,
)


def _leg(name: str, x: float, depth: int, shade: float) -> Part:
    """A stout leg whose toes look ahead."""
    limb = smooth((x - 6, 10), (x, 4), (x + 6.5, 10), (x + 4.5, 22), (x + 4, 32), (x - 4, 32), (x - 3.5, 22))
    foot = smooth((x - 4, 29), (x + 3, 28), (x + 9, 32), (x + 7, 35), (x - 4, 35))
    toes = [ellipse(x + 1 + 3.2 * k, 34, 1.3, 1.6) for k in range(3)]
    return Part(name, (solid("body", limb, foot, shade=shade), marking("white", *toes)), (x, 9), 9, depth)


_PLATES = Part(
    "back plates",
    tuple(
        solid("first", polygon((x - 6, y + 6), (x - 6.5, y - 3), (x, y - size), (x + 6.5, y - 3), (x + 6, y + 6)))
        for x, y, size in ((-22, -2, 12), (-11, -7, 17), (2, -10, 19), (14, -12, 13))
    ),
    joint=(-4, -5),
    swing_deg=4,
    depth=-1,
)

_SAIL = Part(
    "back sail",
    (
        solid("first", smooth((-24, 2), (-21, -16), (-11, -30), (1, -34), (11, -27), (15, -12), (8, -3), (-8, -3))),
        marking(
            "first",
            *(ribbon([(-4 + 0.25 * x, 4), (-4 + x, -36)], [1.6, 1.6]) for x in (-26, -16, -7, 1, 9, 18)),
            shade=0.6,
        ),
    ),
    joint=(-4, -5),
    swing_deg=4,
    depth=-1,
)

_WINGS = Part(
    "back wing",
    (
        solid(
            "first",
            polygon(
                (6, -4),
                (2, -24),
                (-6, -40),
                (-14, -37),
                (-22, -29),
                (-30, -17),
                (-22, -18),
                (-19, -10),
                (-12, -12),
                (-8, -3),
            ),
        ),
        marking(
            "white", *(ribbon([(3, -6), end], [1.3, 0.9]) for end in ((-8, -38), (-19, -29), (-19, -14))), shade=0.9
        ),
    ),
    joint=(0, -4),
    swing_deg=9,
    depth=2,
)

_FRILL = Part(
    "neck frill",
    (
        solid("second", fan(24, -22, 20, 112, 272, 6, 0.17)),
        marking("second", fan(24, -22, 12.5, 112, 272, 6, 0.17), shade=0.6),
    ),
    joint=(24, -22),
    swing_deg=7,
    depth=-1,
)

_HORNS = Part(
    "horns",
    (
        solid("second", ribbon([(26, -27), (25, -36), (31, -45)], [7, 5, 1])),
        solid("second", ribbon([(35, -23), (43, -26), (47, -35)], [7.5, 5.5, 1])),
        marking("white", *stripes(20, -48, 50, -30, 6, 20), shade=0.98),
    ),
    joint=(31, -25),
    swing_deg=5,
    depth=1,
)

_TUBE = Part(
    "tube crest",
    (
        solid("second", ribbon([(32, -27), (20, -35), (7, -38), (-3, -35)], [9, 9, 8, 6])),
        marking("second", *stripes(-8, -46, 24, -26, 4, 12), shade=0.6),
    ),
    joint=(27, -28),
    swing_deg=6,
    depth=-1,
)

_CLUB = Part(
    "club tail",
    (
        solid(
            "third",
            ellipse(-45, 7, 4.2),
            ellipse(-40, 2, 4.2),
            ellipse(-40, 16, 4.2),
            ellipse(-47, 12.5, 4.2),
            shade=0.8,
        ),
        solid("third", ellipse(-40, 9, 8.2)),
    ),
    joint=(-34, 10),
    swing_deg=10,
    depth=1,
)

_SPIKES = Part(
    "spiked tail",
    (
        solid(
            "third",
            polygon(
                (-28, 10),
                (-31, -9),
                (-34, 7),
                (-43, -7),
                (-41, 9),
                (-53, 2),
                (-43, 13),
                (-52, 20),
                (-36, 15),
                (-34, 24),
                (-29, 15),
            ),
        ),
        marking("third", ellipse(-36, 11, 2), ellipse(-41, 11, 1.6), shade=0.55),
    ),
    joint=(-34, 10),
    swing_deg=10,
    depth=1,
)

_FEATHERS = Part(
    "leaf tail",
    tuple(
        solid(
            "third",
            ribbon(
                [(-33, 10), (-33 + 9 * np.cos(a), 10 + 9 * np.sin(a)), (-33 + 20 * np.cos(a), 10 + 20 * np.sin(a))],
                [2, 8.5, 1.5],
            ),
            shade=shade,
        )
        for a, shade in ((np.deg2rad(130), 0.8), (np.deg2rad(230), 0.8), (np.deg2rad(180), 1.0))
    ),
    joint=(-34, 10),
    swing_deg=10,
    depth=1,
)

DINOSAUR = Family(
    "dinosaur",
    _BODY,
    (_leg("hind leg", -14, -1, 0.9), _leg("front leg", 10, 1, 0.95)),
    ((_PLATES, _SAIL, _WINGS), (_FRILL, _HORNS, _TUBE), (_CLUB, _SPIKES, _FEATHERS)),
    decoy_place=(1, 8),
)
