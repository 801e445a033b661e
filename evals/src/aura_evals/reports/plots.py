"""Plots as SVG text, drawn by hand: a page that holds them needs neither a script nor the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 240, 48, 12
_BAR, _LABELS = 18, 190
_COLOURS = ("#2f6f4f", "#b4552d", "#3b5b92", "#8a6d1d", "#7a4a8c", "#4a7f8c", "#8c4a5b", "#555555")


def lines(
    series: Mapping[str, Sequence[float]], labels: Sequence[str], *, bounds: tuple[float, float] = (0.0, 1.0)
) -> str:
    """One line for each series, over the same runs or steps; values within `bounds`."""
    low, high = bounds
    count = max((len(values) for values in series.values()), default=0)
    width, height = _WIDTH - _LEFT - 12, _HEIGHT - _TOP - 28
    step = width / max(1, count - 1)
    parts = [_scale(width, height, bounds)]
    for number, (name, values) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [(_LEFT + n * step, _TOP + (high - value) / (high - low) * height) for n, value in enumerate(values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>'
            f"{escape(name)} {value:.4f} {escape(label)}</title></circle>"
            for (x, y), value, label in zip(points, values, labels, strict=True)
        ]
    legend = "".join(
        f'<span style="color:{_COLOURS[n % len(_COLOURS)]}">■ {escape(name)}</span> ' for n, name in enumerate(series)
    )
    return f"{_svg(_WIDTH, _HEIGHT, parts)}<p>{legend}</p>"


def bars(values: Mapping[str, float], *, most: float = 1.0, unit: str = "") -> str:
    """One horizontal bar for each value."""
    width = _WIDTH - _LABELS - 90
    parts: list[str] = []
    for number, (name, value) in enumerate(values.items()):
        y = number * (_BAR + 6)
        long = max(0.0, min(1.0, value / most if most else 0.0)) * width
        shown = f"{value:.3f}" if most == 1 else f"{value:.1f}"
        parts += [
            f'<text x="{_LABELS - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LABELS}" y="{y}" width="{long:.1f}" height="{_BAR}" fill="{_COLOURS[0]}"/>',
            f'<text x="{_LABELS + long + 6:.1f}" y="{y + 13}">{shown}{escape(unit)}</text>',
        ]
    return _svg(_WIDTH, max(1, len(values)) * (_BAR + 6), parts)


def histogram(values: Sequence[float], bins: int = 10) -> str:
    """How often values from 0 to 1 fall into each tenth."""
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(max(0.0, value) * bins))] += 1
    names = [f"{n / bins:.1f} – {(n + 1) / bins:.1f}" for n in range(bins)]
    return bars(dict(zip(names, map(float, counts), strict=True)), most=float(max(counts, default=1)))


def _scale(width: float, height: float, bounds: tuple[float, float]) -> str:
    low, high = bounds
    return "".join(
        f'<line x1="{_LEFT}" x2="{_LEFT + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{low + part * (high - low):.2f}</text>'
        for part in (0.0, 0.25, 0.5, 0.75, 1.0)
        for y in (_TOP + (1 - part) * height,)
    )


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img">{"".join(parts)}</svg>'
    )
