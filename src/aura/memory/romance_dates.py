"""The days that French and Spanish speak of.

A bare "vendredi" or "el viernes" is the last or the next one, as the verb says: it is not read. Numbers are a date only
behind an article, since 3/5 is a day of March elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

from aura.memory.calendar_days import Calendar, Reader, day, numeric, year

_FRENCH: Final = Calendar(
    months=(
        "janvier",
        "février fevrier",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août aout",
        "septembre",
        "octobre",
        "novembre",
        "décembre decembre",
    ),
    weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    numbers=("un une", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix"),
    units={
        "day": "jour jours",
        "week": "semaine semaines",
        "month": "mois",
        "year": "an ans année années annee annees",
    },
)
_SPANISH: Final = Calendar(
    months=(
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre setiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ),
    weekdays=("lunes", "martes", "miércoles miercoles", "jueves", "viernes", "sábado sabado", "domingo"),
    numbers=("un una", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez"),
    units={"day": "día días dia dias", "week": "semana semanas", "month": "mes meses", "year": "año años"},
)
_YEAR = r"(?P<year>(?:19|20)\d{2})"
_NUMBERS = r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4}|\d{2})"


def _period(calendar: Calendar) -> str:
    return rf"(?P<unit>{calendar.unit}|{calendar.weekday})"


def _count(calendar: Calendar) -> str:
    return rf"(?P<n>{calendar.number}) (?P<unit>{calendar.unit})"


ROMANCE: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE), read)
    for pattern, read in (
        (r"aujourd'hui|ce (?:matin|soir|midi)|cet après-midi|cette nuit", day(0)),
        (r"avant-hier(?: (?:soir|matin))?", day(-2)),
        (r"(?<!avant-)hier(?: (?:matin|soir|après-midi))?|la nuit dernière", day(-1)),
        (r"après-demain", day(2)),
        (r"(?<!après-)demain(?: (?:matin|soir|après-midi|midi))?", day(1)),
        (rf"(?:(?:la|le) |l')?{_period(_FRENCH)} (?:derni(?:er|ère)|passée?)", _FRENCH.period(-1)),
        (rf"(?:(?:la|le) |l')?{_period(_FRENCH)} prochaine?", _FRENCH.period(1)),
        (rf"(?:ce|cet|cette) {_period(_FRENCH)}(?:-ci)?", _FRENCH.period(0)),
        (rf"il y a {_count(_FRENCH)}", _FRENCH.from_today(-1)),
        (rf"dans {_count(_FRENCH)}", _FRENCH.from_today(1)),
        (rf"(?:le|au|du) {_NUMBERS}", numeric),
        (rf"(?:le )?(?P<day>\d{{1,2}}|1er) (?P<month>(?-i:{_FRENCH.month}))(?: (?P<year>\d{{4}}))?", _FRENCH.named),
        (
            rf"(?:en|depuis|jusqu'en|début|fin|au mois de) (?P<month>(?-i:{_FRENCH.month}))(?: (?P<year>\d{{4}}))?",
            _FRENCH.month_named,
        ),
        (rf"(?:en|depuis|dès) {_YEAR}", year),
        (r"hoy|esta (?:mañana|tarde|noche)", day(0)),
        (r"anteayer|antes de ayer|antier", day(-2)),
        (r"(?<!de )ayer(?: por la (?:mañana|tarde|noche))?|anoche", day(-1)),
        (r"pasado mañana", day(2)),
        (r"(?<!la )(?<!esta )(?<!pasado )mañana(?: por la (?:mañana|tarde|noche))?", day(1)),
        (rf"(?:el|la) {_period(_SPANISH)} pasad[oa]", _SPANISH.period(-1)),
        (rf"(?:el|la) pasad[oa] {_period(_SPANISH)}", _SPANISH.period(-1)),
        (rf"(?:el|la) {_period(_SPANISH)} (?:que viene|próxim[oa])", _SPANISH.period(1)),
        (rf"(?:el|la) (?:próxim[oa]|proxim[oa]) {_period(_SPANISH)}", _SPANISH.period(1)),
        (rf"est[ea] {_period(_SPANISH)}", _SPANISH.period(0)),
        (rf"hace {_count(_SPANISH)}", _SPANISH.from_today(-1)),
        (rf"dentro de {_count(_SPANISH)}", _SPANISH.from_today(1)),
        (rf"(?:el|del|al) {_NUMBERS}", numeric),
        (
            rf"(?:el )?(?P<day>\d{{1,2}}|primero|uno) de (?P<month>{_SPANISH.month})(?: (?:de|del) (?P<year>\d{{4}}))?",
            _SPANISH.named,
        ),
        (
            rf"(?:en|desde|hasta|a (?:finales|principios) de) (?P<month>{_SPANISH.month})(?: del? (?P<year>\d{{4}}))?",
            _SPANISH.month_named,
        ),
        (rf"(?:en|desde) {_YEAR}", year),
    )
)
"""What is read of each language: `(expression, what it means)`."""

ROMANCE_YEARLESS: Final = (*_FRENCH.yearless, *_SPANISH.yearless)
