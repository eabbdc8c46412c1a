"""Small plots as SVG: axes, points, whiskers and texts."""

from collections.abc import Sequence
from html import escape
from math import floor, log10
from pathlib import Path

WIDTH_PX, HEIGHT_PX = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 48
_TICKS = 5
_STYLE = "font-family:sans-serif;font-size:12px"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's, told apart by everybody."""


class Plot:
    """A plot whose axes span given ranges; both directions grow to the right and upwards."""

    def __init__(self, across: tuple[float, float], up: tuple[float, float], labels: tuple[str, str]) -> None:
        """Ranges and names of the horizontal and the vertical axis; a range that is empty is widened."""
        self._across, self._up = (_widened(*span) for span in (across, up))
        self._marks = [*self._axis(labels[0]), *self._upright_axis(labels[1])]

    def point(self, x: float, y: float, colour: str = COLOURS[0], title: str = "") -> None:
        """A dot; the title is shown where the pointer rests on it."""
        text = f"<title>{escape(title)}</title>"
        place = f'cx="{self._x(x):.1f}" cy="{self._y(y):.1f}"'
        self._marks.append(f'<circle {place} r="4.5" fill="{colour}" fill-opacity=".8">{text}</circle>')

    def whisker(self, x: float, low: float, high: float, colour: str = "#999") -> None:
        """An upright bar from low to high."""
        place = f'x1="{self._x(x):.1f}" x2="{self._x(x):.1f}" y1="{self._y(low):.1f}" y2="{self._y(high):.1f}"'
        self._marks.append(f'<line {place} stroke="{colour}" stroke-width="7" stroke-opacity=".5"/>')

    def text(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """A text beside a place; the anchor is start, middle or end."""
        shift = {"start": 8, "middle": 0, "end": -8}[anchor]
        self._marks.append(_text(self._x(x) + shift, self._y(y) + 4, text, anchor))

    def under_axis(self, x: float, text: str) -> None:
        """A text under a place of the horizontal axis."""
        self._marks.append(_text(self._x(x), HEIGHT_PX - _BOTTOM + 18, text, "middle"))

    def save(self, path: Path) -> None:
        """Writes the plot."""
        path.parent.mkdir(parents=True, exist_ok=True)
        size = f'width="{WIDTH_PX}" height="{HEIGHT_PX}" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}"'
        ground = '<rect width="100%" height="100%" fill="white"/>'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{_STYLE}">{ground}'
        path.write_text("\n".join([head, *self._marks, "</svg>"]) + "\n", encoding="utf-8")

    def _x(self, value: float) -> float:
        low, high = self._across
        return _LEFT + (value - low) / (high - low) * (WIDTH_PX - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        low, high = self._up
        return HEIGHT_PX - _BOTTOM - (value - low) / (high - low) * (HEIGHT_PX - _TOP - _BOTTOM)

    def _axis(self, label: str) -> list[str]:
        bottom = HEIGHT_PX - _BOTTOM
        line = f'<path d="M{_LEFT} {bottom}H{WIDTH_PX - _RIGHT}" stroke="black"/>'
        name = _text((_LEFT + WIDTH_PX) / 2, HEIGHT_PX - 8, label, "middle")
        return [
            line,
            name,
            *(_text(self._x(at), bottom + 18, f"{at:g}", "middle") for at in _ticks(*self._across, label)),
        ]

    def _upright_axis(self, label: str) -> list[str]:
        line = f'<path d="M{_LEFT} {_TOP}V{HEIGHT_PX - _BOTTOM}" stroke="black"/>'
        middle = (HEIGHT_PX - _BOTTOM + _TOP) / 2
        name = f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{escape(label)}</text>'
        ticks = [_text(_LEFT - 6, self._y(at) + 4, f"{at:g}", "end") for at in _ticks(*self._up, label)]
        return [line, name, *ticks]


def span(values: Sequence[float]) -> tuple[float, float]:
    """The range of some values with a little room at both ends."""
    low, high = min(values), max(values)
    room = 0.08 * (high - low)
    return low - room, high + room


def _widened(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _ticks(low: float, high: float, label: str) -> list[float]:
    """Round numbers within the range; none on an axis without a name, whose places have texts instead."""
    if not label:
        return []
    rough = (high - low) / _TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = floor(low / step) + 1
    return [round(k * step, 10) for k in range(first, floor(high / step) + 1)]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
