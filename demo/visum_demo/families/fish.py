"""A fish: tail, back fin and snout tell the classes apart; side fin and belly fin are everyone's."""

import numpy as np

from ..geometry import ellipse, fan, polygon, ribbon, smooth
from ..parts import Family, Part, marking, solid

_BODY = Part(
    "body",
    (
        solid(
            "body",
            smooth(
                (31, 2),
                (26, -9),
                (13, -16),
                (-4, -16),
                (-18, -9),
                (-29, -3),
                (-29, 4),
                (-18, 10),
                (-3, 17),
                (14, 16),
                (26, 10),
            ),
        ),
        marking("belly", smooth((34, 4), (20, 6), (0, 7), (-30, 3), (-30, 20), (34, 22))),
        marking("body", ribbon([(13.5, -8), (16, 0), (14, 8)], [0.8, 1.4, 0.8]), shade=0.65),
        marking(
            "body",
            *(ellipse(x, y, 2.1, 1.5) for x, y in ((4, -9), (-3, -5), (4, -2), (-10, -6), (-10, 0), (-3, 2))),
            shade=0.78,
        ),
        marking("white", ellipse(22.5, -4, 4.2)),
        marking("ink", ellipse(23.3, -3.8, 2.6)),
        marking("white", ellipse(24.3, -4.9, 1.0)),
    ),
    depth=0,
)

_SIDE = Part(
    "side fin",
    (
        solid("belly", smooth((10, 3), (3, 2), (-8, 7), (-5, 13), (5, 11)), shade=0.88),
        marking("body", ribbon([(8, 5), (-6, 8)], [1, 1]), ribbon([(8, 7), (-4, 11.5)], [1, 1]), shade=0.75),
    ),
    joint=(9, 5),
    swing_deg=14,
    depth=2,
)

_BELLY = Part(
    "belly fin",
    (solid("body", smooth((10, 12), (-7, 12), (-16, 25), (-7, 27), (4, 21)), shade=0.85),),
    joint=(2, 13),
    depth=-1,
)

_CRESCENT = Part(
    "crescent tail",
    (
        solid(
            "first",
            smooth((-24, -3), (-33, -6), (-45, -22), (-43, -8), (-39, 0), (-43, 9), (-45, 23), (-33, 7), (-24, 4)),
        ),
        marking("white", ribbon([(-37, -14), (-34, 0), (-37, 14)], [1.6, 1.6, 1.6]), shade=0.97),
    ),
    joint=(-26, 0),
    swing_deg=12,
    depth=-1,
)

_FRILL = Part(
    "frilled tail",
    (
        solid("first", fan(-22, 0, 26, 130, 230, 4, 0.2)),
        marking(
            "first",
            *(
                ribbon([(-22, 0), (-22 + 30 * np.cos(a), 30 * np.sin(a))], [1, 1.7])
                for a in np.deg2rad([155, 180, 205])
            ),
            shade=0.6,
        ),
    ),
    joint=(-26, 0),
    swing_deg=12,
    depth=-1,
)

_STREAMERS = Part(
    "arrow tail",
    (
        solid("first", ribbon([(-24, 0), (-36, 1)], [7, 5])),
        solid("first", polygon((-30, 1), (-36, -13), (-52, 1), (-36, 15))),
        marking("white", polygon((-36, 1), (-39, -5), (-46, 1), (-39, 7)), shade=0.97),
    ),
    joint=(-26, 0),
    swing_deg=12,
    depth=-1,
)

_SAIL = Part(
    "sail fin",
    (
        solid("second", smooth((17, -10), (18, -22), (11, -35), (2, -32), (-8, -31), (-12, -20), (-14, -8))),
        marking("second", *(ribbon([(x, -6), (x - 2, -38)], [1.3, 1.3]) for x in (-8, -1, 6, 13)), shade=0.6),
    ),
    joint=(2, -11),
    swing_deg=5,
    depth=-1,
)

_SPINES = Part(
    "spine fin",
    (
        solid(
            "second",
            polygon((20, -10), (19, -27), (11, -17), (7, -32), (1, -18), (-6, -31), (-9, -16), (-18, -24), (-17, -8)),
        ),
    ),
    joint=(2, -11),
    swing_deg=5,
    depth=-1,
)

_HOOK = Part(
    "sickle fin",
    (
        solid("second", smooth((15, -10), (9, -22), (-2, -33), (-20, -38), (-12, -27), (-10, -18), (-13, -8))),
        marking("white", ellipse(-10, -31, 5.5, 3.2, 35), shade=0.97),
    ),
    joint=(2, -11),
    swing_deg=5,
    depth=-1,
)

_SWORD = Part(
    "sword snout",
    (
        solid("third", polygon((26, -4), (52, 1), (52, 2.5), (26, 9))),
        marking("white", polygon((26, 1), (50, 1.5), (50, 2), (26, 4))),
    ),
    joint=(28, 2),
    swing_deg=6,
    depth=-1,
)

_LURE = Part(
    "lantern",
    (
        solid("third", ribbon([(22, -11), (27, -25), (37, -27), (41, -19)], [3.5, 2.6, 2.4, 2.4]), shade=0.75),
        solid("third", ellipse(41.5, -14.5, 6.2), shade=1.1),
        marking("white", ellipse(40, -16.5, 2)),
    ),
    joint=(23, -11),
    swing_deg=8,
    depth=-1,
)

_BARBELS = Part(
    "barbels",
    (
        solid("third", ribbon([(26, 6), (34, 12), (33, 24), (38, 29)], [4.5, 4, 3.4, 2])),
        solid("third", ribbon([(27, 3), (38, 5), (42, 15), (48, 17)], [4.5, 4, 3.4, 2])),
        solid("third", ribbon([(22, 9), (26, 18), (22, 29)], [4.5, 4, 2])),
    ),
    joint=(26, 5),
    swing_deg=8,
    depth=1,
)

FISH = Family(
    "fish",
    _BODY,
    (_SIDE, _BELLY),
    ((_CRESCENT, _FRILL, _STREAMERS), (_SAIL, _SPINES, _HOOK), (_SWORD, _LURE, _BARBELS)),
    decoy_place=(-13, 1),
)
