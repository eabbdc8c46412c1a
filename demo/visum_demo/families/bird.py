"""A perched bird: crest, beak and tail tell the classes apart; wing and legs are everyone's."""

from ..geometry import ellipse, fan, polygon, rectangle, ribbon, smooth, stripes
from ..parts import Family, Part, marking, solid

_BODY = Part(
    "body",
    (
        solid(
            "body",
            smooth(
                (24, -15),
                (22, -23),
                (15, -28),
                (7, -25),
                (2, -16),
                (-8, -9),
                (-19, -3),
                (-25, 5),
                (-18, 14),
                (-4, 20),
                (10, 18),
                (19, 10),
                (22, 0),
                (22, -8),
            ),
        ),
        marking("belly", smooth((24, -8), (16, -7), (8, 2), (0, 12), (-10, 22), (10, 24), (24, 12))),
        marking("first", ellipse(13, -13, 3.2, 2.2), shade=1.1),
        marking("white", ellipse(15.5, -19.5, 3.9)),
        marking("ink", ellipse(16.3, -19.3, 2.4)),
        marking("white", ellipse(17.2, -20.3, 0.9)),
    ),
    depth=0,
)

_WING = Part(
    "wing",
    (
        solid("body", smooth((8, -6), (-4, -7), (-16, 1), (-25, 13), (-14, 13), (-2, 12), (7, 5)), shade=0.82),
        marking("belly", ribbon([(2, 0), (-8, 3), (-20, 12)], [1.4, 1.4, 0.8]), shade=0.9),
        marking("belly", ribbon([(3, 4), (-5, 7), (-14, 12)], [1.4, 1.4, 0.8]), shade=0.9),
    ),
    joint=(6, -3),
    swing_deg=9,
    depth=3,
)

_LEGS = Part(
    "legs",
    (
        solid("metal", ribbon([(-2, 14), (-3, 22), (-2, 29)], [3.4, 2.6, 2.4]), shade=0.8),
        solid("metal", smooth((-7, 31), (-3, 27), (5, 30), (4, 32), (-6, 33)), shade=0.8),
        solid("metal", ribbon([(8, 14), (8, 22), (9, 29)], [3.4, 2.6, 2.4]), shade=0.8),
        solid("metal", smooth((4, 31), (8, 27), (16, 30), (15, 32), (5, 33)), shade=0.8),
    ),
    joint=(3, 14),
    swing_deg=5,
    depth=-1,
)

_CROWN = Part(
    "crown crest",
    tuple(
        solid("first", ribbon([(11, -23), (11 + 0.45 * lean, -31), (11 + lean, -38 - lift)], [2.6, 1.8, 1.6]))
        for lean, lift in ((-10, 0), (0, 2), (10, 0))
    )
    + tuple(
        solid("first", ellipse(11 + lean, -39 - lift, 3.4), shade=1.12) for lean, lift in ((-10, 0), (0, 2), (10, 0))
    ),
    joint=(11, -25),
    depth=-1,
)

_MOHAWK = Part(
    "saw crest",
    (
        solid(
            "first",
            polygon(
                (20, -24),
                (20, -35),
                (14.5, -30),
                (11, -39),
                (7, -30),
                (-1, -36),
                (1, -27.5),
                (-9, -29),
                (-4, -21),
                (-12, -18),
                (0, -12),
                (10, -20),
            ),
        ),
    ),
    joint=(8, -24),
    depth=-1,
)

_PLUME = Part(
    "plume crest",
    (
        solid("first", ribbon([(9, -24), (3, -34), (11, -42), (21, -40), (24, -34)], [3, 3.6, 5, 7.5, 6])),
        marking("white", ellipse(22.5, -36, 2.4), shade=0.95),
    ),
    joint=(9, -25),
    depth=-1,
)

_HOOK = Part(
    "hook beak",
    (
        solid("second", smooth((20, -22), (27, -23), (34, -18), (36, -10), (33, -5), (30, -10), (26, -12), (21, -12))),
        marking("ink", ribbon([(20, -15.5), (26, -15.5), (31, -11)], [0.9, 0.9, 0.6])),
    ),
    joint=(21, -17),
    depth=1,
)

_NEEDLE = Part(
    "needle beak",
    (
        solid("second", polygon((19, -22), (28, -19), (47, -15), (47, -13.5), (28, -13.5), (19, -12))),
        marking("ink", polygon((19, -17.3), (46, -14.5), (46, -14), (19, -16.3))),
    ),
    joint=(21, -17),
    depth=1,
)

_BANANA = Part(
    "banded bill",
    (
        solid("second", smooth((19, -22), (28, -27), (39, -25), (46, -16), (45, -10), (36, -11), (27, -11), (20, -12))),
        marking("ink", *stripes(30, -32, 48, -4, 3, 14), shade=1.3),
    ),
    joint=(21, -17),
    depth=1,
)

_FAN = Part(
    "fan tail",
    (
        solid("third", fan(-16, 7, 31, 140, 232, 5, 0.14)),
        marking(
            "third",
            *(
                ellipse(-16 - 25 * c, 7 + 25 * s, 2.9)
                for c, s in ((0.74, 0.67), (0.92, 0.39), (1.0, 0.08), (0.96, -0.25), (0.77, -0.62))
            ),
            shade=0.55,
        ),
        marking(
            "white",
            *(
                ellipse(-16 - 25 * c, 7 + 25 * s, 1.5)
                for c, s in ((0.74, 0.67), (0.92, 0.39), (1.0, 0.08), (0.96, -0.25), (0.77, -0.62))
            ),
        ),
    ),
    joint=(-18, 7),
    depth=-2,
)

_FORK = Part(
    "fork tail",
    (
        solid(
            "third",
            smooth((-14, 2), (-28, 0), (-48, -8), (-34, 4), (-30, 8), (-36, 14), (-46, 27), (-26, 17), (-14, 12)),
        ),
        marking("third", polygon((-38, -12), (-52, -12), (-52, 30), (-38, 30)), shade=0.6),
    ),
    joint=(-18, 7),
    depth=-2,
)

_LYRE = Part(
    "ring tail",
    (
        solid("third", ribbon([(-16, 6), (-30, 8), (-39, 1), (-40, -11)], [8, 6, 5.5, 5])),
        solid("third", ellipse(-40, -16, 7), shade=1.05),
        marking("white", ellipse(-40, -16, 3.6)),
        marking("white", *(rectangle(x, -10, x + 2.2, 20) for x in (-24, -31))),
    ),
    joint=(-18, 7),
    depth=-2,
)

BIRD = Family(
    "bird",
    _BODY,
    (_LEGS, _WING),
    ((_CROWN, _MOHAWK, _PLUME), (_BANANA, _NEEDLE, _HOOK), (_FAN, _FORK, _LYRE)),
    decoy_place=(12, 5),
)
