"""Spending over time as a picture: one bar a day, in SVG that needs nothing to be seen."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Final

from hermes_magic.money.budget import dollars
from hermes_magic.money.calls import exact_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hermes_magic.money.calls import Call

DAYS: Final = 30
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 640, 200, 8, 24, 40
_COLOURS: Final = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#9d755d")
_OTHERS: Final = "other models"
_LONGEST_NAME: Final = 32
_CENT: Final = Decimal("0.0001")
_OPENING: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
    f'width="{_WIDTH}" height="{_HEIGHT}" role="img" font-family="sans-serif" '
    'font-size="11" fill="#808080">'
)


def spending_svg(calls: Iterable[Call], today: str, days: int = DAYS) -> str:
    """Draw what each of the last days took, by model, as a whole SVG document.

    Args:
        calls: those of other days are left out.
        today: the last day, ISO 8601.
        days: how many days.
    """
    last = date.fromisoformat(today)
    dates = [(last - timedelta(days=days - 1 - back)).isoformat() for back in range(days)]
    spent = _by_day_and_model(calls, set(dates))
    models = _models(spent)
    most = max((exact_sum(row.values()) for row in spent.values()), default=Decimal(0))
    bars = [
        bar for place, day in enumerate(dates) for bar in _bars(place, days, day, spent, models)
    ]
    return "".join(
        (
            _OPENING,
            f"<title>Spending by day, {dates[0]} to {dates[-1]}</title>",
            f'<text x="{_LEFT}" y="14">up to {_short(most)} a day</text>',
            f'<path d="M{_LEFT} {_floor()}H{_WIDTH - _LEFT}" stroke="#808080"/>',
            *bars,
            f'<text x="{_LEFT}" y="{_floor() + 14}">{dates[0]}</text>',
            f'<text x="{_WIDTH - _LEFT}" y="{_floor() + 14}" text-anchor="end">{dates[-1]}</text>',
            *_legend(models),
            "</svg>",
        )
    )


def _by_day_and_model(calls: Iterable[Call], days: set[str]) -> dict[str, dict[str, Decimal]]:
    amounts: defaultdict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for call in calls:
        if call.day in days and call.amount:
            amounts[call.day, call.model].append(call.amount)
    spent: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    for (day, model), each in amounts.items():
        spent[day][model] = exact_sum(each)
    return spent


def _models(spent: Mapping[str, Mapping[str, Decimal]]) -> list[str]:
    """Give the models, the dearest first; what is beyond the colours is drawn as one."""
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in spent.values():
        for model, usd in row.items():
            totals[model] += usd
    ranked = sorted(totals, key=lambda model: totals[model], reverse=True)
    if len(ranked) <= len(_COLOURS):
        return ranked
    return [*ranked[: len(_COLOURS) - 1], _OTHERS]


def _bars(
    place: int,
    days: int,
    day: str,
    spent: Mapping[str, Mapping[str, Decimal]],
    models: Sequence[str],
) -> list[str]:
    """Draw one day, its models on top of each other."""
    most = max(exact_sum(row.values()) for row in spent.values()) if spent else Decimal(1)
    step = (_WIDTH - 2 * _LEFT) / days
    room = _floor() - _TOP
    bottom = float(_floor())
    bars = []
    for model, usd in _stacked(spent.get(day, {}), models):
        height = float(usd / most) * room
        bottom -= height
        bars.append(
            f'<rect x="{_LEFT + place * step + 1:.1f}" y="{bottom:.2f}" width="{step - 2:.1f}" '
            f'height="{height:.2f}" fill="{_COLOURS[models.index(model)]}">'
            f"<title>{day} {_escaped(model)} {dollars(usd)}</title></rect>"
        )
    return bars


def _stacked(row: Mapping[str, Decimal], models: Sequence[str]) -> list[tuple[str, Decimal]]:
    others = exact_sum(usd for model, usd in row.items() if model not in models)
    known = [(model, row[model]) for model in models if model in row]
    return [*known, (_OTHERS, others)] if others else known


def _legend(models: Sequence[str]) -> list[str]:
    width = (_WIDTH - 2 * _LEFT) / max(1, len(models))
    parts = []
    for place, model in enumerate(models):
        x = _LEFT + place * width
        name = model if len(model) <= _LONGEST_NAME else model[: _LONGEST_NAME - 1] + "…"
        name = name[: max(3, int(width / 6.5) - 2)]
        parts.append(
            f'<rect x="{x:.1f}" y="{_HEIGHT - 13}" width="9" height="9" '
            f'fill="{_COLOURS[place]}"/>'
            f'<text x="{x + 13:.1f}" y="{_HEIGHT - 5}">{_escaped(name)}</text>'
        )
    return parts


def _floor() -> int:
    return _HEIGHT - _BOTTOM


def _short(usd: Decimal) -> str:
    return dollars(usd.quantize(_CENT)) if usd >= _CENT else dollars(usd)


def _escaped(text: str) -> str:
    """Escape; leave out what no XML document may hold."""
    return escape("".join(char for char in text if char.isprintable()))
