"""A boat: rigging, bow and stern tell the classes apart; cabin and rudder are everyone's."""

import numpy as np

from ..geometry import ellipse, fan, polygon, rectangle, ribbon, smooth, star, stripes
from ..parts import Family, Part, marking, solid

_BODY = Part(
    "body",
    (
        solid(
            "body",
            smooth(
                (-34, 3),
                (-33, -2),
                (-20, 4),
                (0, 6),
                (20, 3),
                (32, -5),
                (36, -4),
                (33, 8),
                (25, 20),
                (0, 23),
                (-24, 21),
                (-31, 12),
            ),
        ),
        marking("belly", smooth((-40, 14), (0, 17), (40, 12), (40, 30), (-40, 30))),
        marking("white", ribbon([(-36, 4), (0, 10.5), (36, 1)], [1.6, 1.6, 1.6]), shade=0.97),
        marking("ink", *(ellipse(x, 12.3, 2.3) for x in (-20, -9, 2, 13, 23))),
        marking("glass", *(ellipse(x, 12.3, 1.5) for x in (-20, -9, 2, 13, 23))),
    ),
    depth=0,
)

_CABIN = Part(
    "cabin",
    (
        solid("belly", rectangle(-17, -10, 2, 8, 2)),
        solid("body", rectangle(-20, -13.5, 5, -8.5, 1.5), shade=0.85),
        marking("ink", rectangle(-14, -6, -8, 1, 1), rectangle(-6, -6, 0, 1, 1)),
        marking("glass", rectangle(-13.2, -5.2, -8.8, 0.2, 1), rectangle(-5.2, -5.2, -0.8, 0.2, 1)),
    ),
    joint=(-8, 6),
    swing_deg=2,
    depth=-1,
)

_RUDDER = Part(
    "keel",
    (solid("metal", smooth((-12, 19), (-10, 31), (0, 34), (12, 31), (16, 19)), shade=0.75),),
    joint=(2, 20),
    swing_deg=6,
    depth=-1,
)

_SQUARE = Part(
    "square sail",
    (
        solid("metal", rectangle(10.5, -44, 13, 6), shade=0.6),
        solid(
            "first",
            smooth((0, -40), (12, -42), (26, -40), (29, -28), (26, -14), (12, -17), (0, -14), (3, -28), samples=6),
        ),
        marking("white", *stripes(-2, -46, 32, -10, 3), shade=0.97),
    ),
    joint=(12, 4),
    swing_deg=6,
    depth=-2,
)

_LATEEN = Part(
    "lateen sail",
    (
        solid("metal", rectangle(8.5, -42, 11, 6), shade=0.6),
        solid("first", smooth((-4, -47), (8, -39), (20, -25), (32, -12), (14, -13), (-1, -18), (-4, -32), samples=6)),
        marking("first", ribbon([(-6, -26), (10, -27), (30, -18)], [1.3, 1.3, 1.3]), shade=0.6),
        marking("first", ribbon([(-6, -36), (4, -36), (22, -30)], [1.3, 1.3, 1.3]), shade=0.6),
    ),
    joint=(10, 4),
    swing_deg=6,
    depth=-2,
)

_FUNNEL = Part(
    "funnel",
    (
        solid("first", polygon((7, 6), (9, -26), (23, -26), (24, 6))),
        marking("white", rectangle(4, -19, 28, -13), shade=0.97),
        solid("metal", rectangle(6.5, -30, 25.5, -24.5, 1.5), shade=0.45),
    ),
    joint=(15, 4),
    swing_deg=4,
    depth=-2,
)

_SWAN = Part(
    "swan prow",
    (
        solid("second", ribbon([(28, 4), (39, -4), (36, -17), (41, -25)], [8, 7, 5.5, 6.5])),
        solid("second", polygon((41, -29), (50, -23), (42, -21)), shade=0.7),
        marking("ink", ellipse(41, -25.5, 1.3)),
    ),
    joint=(31, 3),
    swing_deg=5,
)

_RAM = Part(
    "spike prow",
    (
        solid("second", polygon((29, -5), (52, -14), (51, -10.5), (33, 6))),
        solid("second", star(34, 0, 6.5, 4.6, 8), shade=0.7),
        marking("white", ellipse(34, 0, 1.9)),
    ),
    joint=(31, 2),
    swing_deg=5,
)

_ANCHOR = Part(
    "anchor",
    (
        solid("second", rectangle(31.8, -1, 35.2, 22)),
        solid("second", rectangle(28, 2, 39, 5, 1)),
        solid("second", ellipse(33.5, -2.5, 3.4)),
        solid("second", ribbon([(24, 14), (27, 21), (33.5, 24), (40, 21), (43, 14)], [2.5, 4.5, 5, 4.5, 2.5])),
        marking("white", ellipse(33.5, -2.5, 1.4)),
    ),
    joint=(33, -2),
    swing_deg=8,
    depth=2,
)

_FLAG = Part(
    "flag",
    (
        solid("metal", rectangle(-32.5, -37, -30, 2), shade=0.6),
        solid(
            "third",
            smooth(
                (-32, -36),
                (-39, -38),
                (-46, -35),
                (-52, -37),
                (-51, -22),
                (-45, -20),
                (-39, -23),
                (-32, -21),
                samples=5,
            ),
        ),
        marking("white", ellipse(-41.5, -29, 4.2)),
    ),
    joint=(-31, 0),
    swing_deg=6,
    depth=-1,
)

_PADDLE = Part(
    "paddle wheel",
    (
        solid("third", star(-35, 8, 14.5, 11.5, 10)),
        marking("white", ellipse(-35, 8, 8.4)),
        marking(
            "third",
            *(
                ribbon([(-35, 8), (-35 + 9 * np.cos(a), 8 + 9 * np.sin(a))], [1.8, 1.8])
                for a in np.arange(8) * np.pi / 4
            ),
            ellipse(-35, 8, 3.2),
        ),
    ),
    joint=(-35, 8),
    swing_deg=15,
    depth=2,
)

_SCROLL = Part(
    "shell stern",
    (
        solid("third", fan(-27, 7, 27, 178, 272, 4, 0.16)),
        marking(
            "third",
            *(
                ribbon([(-27, 7), (-27 + 30 * np.cos(a), 7 + 30 * np.sin(a))], [1.2, 1.8])
                for a in np.deg2rad([201.5, 225, 248.5])
            ),
            shade=0.55,
        ),
    ),
    joint=(-28, 4),
    swing_deg=6,
    depth=-1,
)

BOAT = Family(
    "boat",
    _BODY,
    (_CABIN, _RUDDER),
    ((_SQUARE, _LATEEN, _FUNNEL), (_SWAN, _RAM, _ANCHOR), (_FLAG, _PADDLE, _SCROLL)),
    decoy_place=(8, 12),
)
