"""A robot: antenna, hand and feet tell the classes apart; the left arm and the chest lamp are everyone's."""

from ..geometry import ellipse, fan, polygon, rectangle, ribbon, smooth, star
from ..parts import Family, Layer, Part, marking, solid

_BODY = Part(
    "body",
    (
        solid("body", rectangle(-14, -3, 15, 20, 5)),
        solid("body", rectangle(-4, -8, 5, 2), shade=0.75),
        solid("body", rectangle(-17, -27, 18, -5, 6)),
        marking("belly", rectangle(-9, 2, 10, 15, 2)),
        marking("ink", rectangle(-12, -22, 13, -10, 4)),
        marking("glass", ellipse(-5, -16.5, 3.0), ellipse(6.5, -16.5, 3.0), shade=1.1),
        marking("glass", ribbon([(-3, -12.2), (0.7, -11.4), (4.5, -12.2)], [0.9, 1.1, 0.9])),
    ),
    depth=0,
)

_ARM = Part(
    "rear arm",
    (
        solid("body", ribbon([(-12, 3), (-22, 8), (-24, 18)], [6, 5.5, 5]), shade=0.8),
        solid("metal", ellipse(-24, 20, 4.4), shade=0.8),
    ),
    joint=(-13, 3),
    swing_deg=12,
    depth=-1,
)

_EARS = Part(
    "ears",
    (solid("metal", rectangle(-22, -21, -15, -11, 2), rectangle(16, -21, 23, -11, 2), shade=0.85),),
    joint=(0, -16),
    swing_deg=2,
    depth=-1,
)

_COIL = Part(
    "coil antenna",
    (
        solid("first", ribbon([(0.5, -24), (0.5, -43)], [2.4, 2.4]), shade=0.7),
        solid("first", *(rectangle(-6 + k, -32 - 4.6 * k, 7 - k, -29 - 4.6 * k, 1.4) for k in range(3))),
        solid("first", ellipse(0.5, -45, 3.6), shade=1.1),
    ),
    joint=(0, -26),
    swing_deg=9,
    depth=-1,
)

_HORNS = Part(
    "bow antenna",
    (
        solid("first", ribbon([(-5, -24), (-10, -36), (-21, -40)], [4.5, 4, 3])),
        solid("first", ribbon([(6, -24), (11, -36), (22, -40)], [4.5, 4, 3])),
        solid("first", ellipse(-22, -40, 4.3), ellipse(23, -40, 4.3), shade=1.1),
    ),
    joint=(0, -26),
    swing_deg=6,
    depth=-1,
)

_GEAR = Part(
    "gear crown",
    (
        solid("first", star(0.5, -31, 15, 11.2, 11)),
        marking("white", ellipse(0.5, -31, 6)),
        marking("first", ellipse(0.5, -31, 2.8), shade=0.6),
    ),
    joint=(0, -30),
    swing_deg=14,
    depth=-1,
)


def _forearm(*layers: Layer) -> tuple[Layer, ...]:
    """The raised right arm that carries each of the hands."""
    return (solid("second", ribbon([(12, 4), (22, 7), (31, 0)], [6, 5.5, 5]), shade=0.8), *layers)


_CLAW = Part(
    "claw hand",
    _forearm(
        solid(
            "second",
            ribbon([(31, 1), (26, -9), (31, -18)], [6, 6.5, 2]),
            ribbon([(31, 1), (41, -6), (39, -17)], [6, 6.5, 2]),
        ),
        solid("second", ellipse(31.5, -0.5, 4.6), shade=0.8),
    ),
    joint=(13, 4),
    swing_deg=9,
)

_HAMMER = Part(
    "hammer hand",
    _forearm(
        solid("second", ribbon([(30, 3), (35, -12)], [4, 4]), shade=0.8),
        solid("second", rectangle(22, -22, 47, -10, 2.5)),
        marking("white", rectangle(26, -24, 29.5, -8), rectangle(39.5, -24, 43, -8), shade=0.97),
    ),
    joint=(13, 4),
    swing_deg=9,
)

_BRUSH = Part(
    "disc hand",
    _forearm(
        solid("second", ellipse(35, -8, 11)),
        marking("white", *(fan(35, -8, 11.5, a, a + 45, 1, 0.0) for a in (0, 90, 180, 270)), shade=0.97),
        marking("second", ellipse(35, -8, 3.4), shade=0.7),
    ),
    joint=(13, 4),
    swing_deg=9,
)

_TRACKS = Part(
    "tracks",
    (
        solid("third", rectangle(-23, 22, 24, 38, 8)),
        marking("ink", rectangle(-19, 25.5, 20, 34.5, 4.5)),
        marking("third", *(ellipse(x, 30, 3.7) for x in (-14, -4.5, 5.5, 15)), shade=1.1),
    ),
    joint=(0, 22),
    swing_deg=3,
    depth=-1,
)

_SPRING = Part(
    "spring foot",
    (
        solid("third", *(ribbon([(-8, 21 + 4.4 * k), (9, 24 + 4.4 * k)], [3, 3]) for k in range(3)), shade=0.75),
        solid("third", smooth((-19, 41), (-14, 34), (0, 32), (15, 34), (20, 41), samples=6)),
    ),
    joint=(0, 20),
    swing_deg=6,
    depth=-1,
)

_LEGS = Part(
    "boots",
    (
        solid("third", ribbon([(-7, 17), (-9, 30)], [6, 5]), ribbon([(8, 17), (10, 30)], [6, 5]), shade=0.75),
        solid(
            "third", polygon((-15, 27), (-5, 27), (-3, 40), (-23, 40)), polygon((6, 27), (16, 27), (24, 40), (4, 40))
        ),
        marking("white", rectangle(-25, 36, 26, 38.2), shade=0.97),
    ),
    joint=(0, 18),
    swing_deg=4,
    depth=-1,
)

ROBOT = Family(
    "robot",
    _BODY,
    (_ARM, _EARS),
    ((_COIL, _HORNS, _GEAR), (_CLAW, _HAMMER, _BRUSH), (_TRACKS, _SPRING, _LEGS)),
    decoy_place=(0.5, 8.5),
)
