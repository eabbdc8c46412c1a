"""A truck: load, roof and nose tell the classes apart; the wheels are everyone's."""

import numpy as np

from ..geometry import ellipse, fan, polygon, rectangle, ribbon, smooth, stripes
from ..parts import Family, Part, marking, solid

_BODY = Part(
    "body",
    (
        solid("metal", rectangle(-38, 9, 32, 17, 2), shade=0.55),
        solid(
            "body", smooth((6, 14), (6, -16), (10, -20), (22, -20), (27, -16), (32, -2), (35, 2), (35, 14), samples=4)
        ),
        marking("ink", polygon((12, -14), (21, -14), (26.5, -2), (12, -2))),
        marking("glass", polygon((13.2, -12.8), (20.3, -12.8), (24.8, -3.2), (13.2, -3.2))),
        marking("belly", rectangle(4, 4, 38, 8)),
        marking("white", ellipse(33, 6, 2.4)),
    ),
    depth=0,
)


def _wheel(name: str, x: float) -> Part:
    """A tyre with a bright hub."""
    hub = ellipse(x, 18, 4.6)
    nuts = [ellipse(x + 2.8 * np.cos(a), 18 + 2.8 * np.sin(a), 0.8) for a in np.arange(5) * 2 * np.pi / 5]
    tyre = (
        solid("ink", ellipse(x, 18, 9.2), shade=1.5),
        marking("white", hub, shade=0.9),
        marking("ink", *nuts, ellipse(x, 18, 1)),
    )
    return Part(name, tyre, (x, 18), 40, 3)


_TANK = Part(
    "tank",
    (
        solid("first", rectangle(-38, -13, 4, 11, 11)),
        marking("white", *(rectangle(x, -14, x + 3, 12) for x in (-29, -18.5, -8)), shade=0.97),
    ),
    joint=(-16, 10),
    swing_deg=2,
)

_CRATES = Part(
    "crates",
    (
        solid("first", rectangle(-37, -5, -23, 9, 1), rectangle(-21, -5, -7, 9, 1)),
        solid("first", rectangle(-29, -20, -15, -6, 1), shade=1.1),
        marking(
            "first",
            *(ribbon([(x, y), (x + 12, y + 12)], [1.8, 1.8]) for x, y in ((-36, -4), (-20, -4), (-28, -19))),
            *(ribbon([(x + 12, y), (x, y + 12)], [1.8, 1.8]) for x, y in ((-36, -4), (-20, -4), (-28, -19))),
            shade=0.6,
        ),
    ),
    joint=(-20, 9),
    swing_deg=2,
)

_CRANE = Part(
    "crane",
    (
        solid("first", rectangle(-33, -2, -17, 10, 2), shade=0.85),
        solid("first", ribbon([(-24, 2), (-38, -32)], [6.5, 4.5])),
        solid("first", ribbon([(-38, -33), (-14, -38)], [5, 4])),
        solid("first", ribbon([(-16, -37), (-16, -22)], [1.8, 1.8]), shade=0.5),
        solid("first", ellipse(-16, -20, 4), shade=0.7),
    ),
    joint=(-25, 8),
    swing_deg=4,
)

_BEACON = Part(
    "beacon",
    (
        solid("metal", rectangle(7, -22.5, 24, -18.5, 1), shade=0.6),
        solid("second", fan(15.5, -21, 12.5, 180, 360, 1, 0.0)),
        marking("white", ellipse(12, -27, 2.2, 3.6, 30)),
    ),
    joint=(15, -20),
    swing_deg=3,
    depth=-1,
)

_PIPES = Part(
    "pipes",
    (
        solid("second", ribbon([(10, -12), (10, -38)], [5.5, 5.5]), ribbon([(19, -16), (19, -33)], [5.5, 5.5])),
        solid("second", ribbon([(10, -37), (4, -43)], [7, 7]), ribbon([(19, -32), (13, -38)], [7, 7]), shade=0.75),
    ),
    joint=(14, -18),
    swing_deg=3,
    depth=-1,
)

_DISH = Part(
    "dish",
    (
        solid("second", ribbon([(14, -18), (15, -28)], [3, 2.6]), shade=0.6),
        solid("second", fan(15, -32, 15, 20, 200, 1, 0.0)),
        solid("second", ribbon([(15, -32), (20, -42)], [2, 1.6]), shade=0.6),
        solid("second", ellipse(20.5, -43, 2.6), shade=1.1),
    ),
    joint=(14, -18),
    swing_deg=8,
    depth=-1,
)

_PLOW = Part(
    "plow",
    (
        solid("third", smooth((34, -6), (42, -10), (40, 4), (43, 16), (50, 22), (36, 22), (32, 8), samples=5)),
        marking("white", *stripes(30, -14, 52, 26, 4, 32), shade=0.97),
    ),
    joint=(34, 10),
    swing_deg=4,
)

_GRILLE = Part(
    "bull bar",
    (
        solid("third", rectangle(33, -4, 37, 20, 1.5), rectangle(43, -4, 47, 20, 1.5)),
        solid("third", *(rectangle(33, y, 47, y + 3.4, 1) for y in (-5, 3.5, 12, 18))),
    ),
    joint=(34, 10),
    swing_deg=3,
)

_DRILL = Part(
    "drill",
    (
        solid("third", rectangle(31, 1, 37, 17, 1), shade=0.7),
        solid("third", polygon((36, -1), (53, 9), (36, 19))),
        marking(
            "third", *(polygon((x, -3), (x + 2.4, -3), (x - 1.4, 21), (x - 3.8, 21)) for x in (40, 45, 50)), shade=0.5
        ),
    ),
    joint=(34, 9),
    swing_deg=4,
)

TRUCK = Family(
    "truck",
    _BODY,
    (_wheel("rear wheel", -23), _wheel("front wheel", 19)),
    ((_TANK, _CRATES, _CRANE), (_BEACON, _PIPES, _DISH), (_PLOW, _GRILLE, _DRILL)),
    decoy_place=(18, 5),
)
