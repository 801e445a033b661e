"""Signals add up to a persona: six that agree move it, one that does not moves nothing, and silence takes it back."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from aura.persona.learning import CONFIDENT, LESS, MORE, STEP, Kind, Signal, learned
from aura.persona.rendering import level
from aura.persona.traits import SCALES, Axis, Scale, Traits

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CLEAR = (Kind.ASKED, Kind.RATED, Kind.REPEATED)
OPPOSITE = {MORE: LESS, LESS: MORE}
SEEDS = range(25)


def signal(axis: Axis, towards: str, kind: Kind, after: timedelta, n: int = 0) -> Signal:
    return Signal(axis=axis, towards=towards, kind=kind, at=START + after, message_id=UUID(int=n))


def days(count: float) -> timedelta:
    return timedelta(days=count)


def consistent(chance: random.Random, axis: Axis, towards: str, count: int = 6) -> list[Signal]:
    """Signals of one direction and of any clear kinds, at any times within three weeks."""
    times = sorted(chance.uniform(0, 21) for _ in range(count))
    return [signal(axis, towards, chance.choice(CLEAR), days(time), n) for n, time in enumerate(times)]


def scale(signals: list[Signal], at: datetime, default: Traits | None = None) -> float:
    found = learned(signals, default or Traits(), at)
    value = found[signals[0].axis].value if found else 0.0
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize("seed", SEEDS)
def test_six_consistent_signals_are_followed(seed: int) -> None:
    chance = random.Random(seed)
    axis, towards = chance.choice(SCALES), chance.choice([MORE, LESS])

    value = scale(consistent(chance, axis, towards), START + days(25))

    assert abs(value) >= 0.5
    assert (value > 0) == (towards == MORE)
    assert level(value) in ((1, 2) if towards == MORE else (-1, -2))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_outlier_changes_nothing_at_any_time(seed: int) -> None:
    chance = random.Random(seed)
    axis, towards = chance.choice(SCALES), chance.choice([MORE, LESS])
    signals = consistent(chance, axis, towards)
    outlier = signal(axis, OPPOSITE[towards], chance.choice(CLEAR), days(chance.uniform(0, 21)), 99)

    for after in (5, 12, 20, 22, 30, 60):
        at = START + days(after)
        assert scale([*signals, outlier], at) == pytest.approx(scale(signals, at), abs=1e-6)


@pytest.mark.parametrize("kind", Kind)
def test_one_signal_alone_teaches_nothing(kind: Kind) -> None:
    assert scale([signal("detail", LESS, kind, days(0))], START + days(30)) == 0.0


def test_two_signals_of_one_message_are_one() -> None:
    twice = [signal("detail", LESS, Kind.ASKED, days(0), 7), signal("detail", LESS, Kind.RATED, days(0), 7)]
    assert scale(twice, START + days(9)) == 0.0


@pytest.mark.parametrize("seed", SEEDS[:12])
def test_no_24_hours_move_a_value_by_more_than_a_step(seed: int) -> None:
    chance = random.Random(seed)
    signals = sorted(
        (
            signal("energy", chance.choice([MORE, LESS]), chance.choice(list(Kind)), days(chance.uniform(0, 45)), n)
            for n in range(40)
        ),
        key=lambda each: each.at,
    )
    default = Traits(energy=chance.uniform(-1, 1))
    begin = START - days(chance.uniform(0.1, 1))
    values = [
        scale([s for s in signals if s.at <= at] or signals[:1], at, default) if signals[0].at <= at else default.energy
        for at in (begin + days(n / 4) for n in range(240))
    ]

    assert all(abs(after - before) <= STEP + 1e-6 for before, after in zip(values, values[4:], strict=False))
    assert all(-1 <= value <= 1 for value in values)


def test_many_signals_of_one_day_move_a_value_by_one_step_and_the_next_days_go_on() -> None:
    burst = [signal("detail", LESS, Kind.ASKED, timedelta(minutes=n), n) for n in range(6)]
    values = [scale(burst, START + days(n) + timedelta(hours=1)) for n in range(5)]
    assert values == pytest.approx([-0.25, -0.5, -0.75, -0.857, -0.857], abs=0.001)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_long_silence_takes_every_axis_back_to_the_default(seed: int) -> None:
    chance = random.Random(seed)
    default = Traits(formality=0.4)
    axis = chance.choice(SCALES)
    signals = consistent(chance, axis, LESS)

    assert scale(signals, START + days(100), default) != default.value(axis)
    assert scale(signals, START + days(21 + 181), default) == pytest.approx(default.value(axis), abs=1e-6)


def test_a_user_who_changes_their_mind_is_followed() -> None:
    before = [signal("detail", LESS, Kind.ASKED, days(n), n) for n in range(6)]
    after = [signal("detail", MORE, Kind.ASKED, days(40 + n), 10 + n) for n in range(6)]

    assert scale(before, START + days(10)) < -0.6
    assert scale([*before, *after], START + days(60)) > 0.2


def test_hints_of_manner_alone_need_many() -> None:
    few = [signal("formality", LESS, Kind.MIRRORED, days(n), n) for n in range(6)]
    many = [signal("formality", LESS, Kind.MIRRORED, days(n), n) for n in range(30)]

    assert scale(few, START + days(30)) == 0.0
    assert level(scale(many, START + days(31))) < 0


def test_what_contradicts_itself_all_the_time_teaches_nothing() -> None:
    torn = [signal("energy", (MORE, LESS)[n % 2], Kind.ASKED, days(n), n) for n in range(20)]
    assert scale(torn, START + days(25)) == 0.0


def test_learning_starts_from_the_organisations_default() -> None:
    more = [signal("detail", MORE, Kind.ASKED, days(n), n) for n in range(6)]
    first = learned(more[:2], Traits(detail=-0.5), START + days(1))
    assert first["detail"].value == -0.25
    assert scale(more, START + days(20), Traits(detail=-0.5)) > 0.5


@pytest.mark.parametrize(("axis", "value"), [("language", "de"), ("emoji", "none"), ("address", "Ada")])
def test_values_are_learned_as_well(axis: Axis, value: str) -> None:
    asked = [signal(axis, value, Kind.ASKED, days(n), n) for n in range(3)]
    default = str(Traits().value(axis))

    assert learned(asked[:1], Traits(), START + days(5))[axis].value == default
    assert learned(asked, Traits(), START + days(5))[axis].value == value
    outlier = signal(axis, "en", Kind.ASKED, days(4), 9)
    assert learned([*asked, outlier], Traits(), START + days(5))[axis].value == value
    assert learned(asked, Traits(), START + days(300))[axis].value == default


def test_every_value_has_its_evidence_the_latest_first() -> None:
    signals = [signal("detail", LESS, Kind.ASKED, days(n), n) for n in range(3)]
    found = learned(signals, Traits(), START + days(5))
    assert set(found) == {"detail"}
    assert found["detail"].evidence == tuple(signals[::-1])
    assert found["detail"].confidence >= CONFIDENT


def test_what_is_still_to_come_counts_for_nothing() -> None:
    signals = [signal("detail", LESS, Kind.ASKED, days(n), n) for n in range(6)]
    assert learned(signals, Traits(), START - days(1)) == {}


def test_the_order_in_which_signals_are_read_says_nothing() -> None:
    chance = random.Random(5)
    scales: tuple[Scale, ...] = SCALES
    signals = [each for axis in scales for each in consistent(chance, axis, MORE)]
    mixed = signals.copy()
    chance.shuffle(mixed)
    at = START + days(30)
    assert learned(mixed, Traits(), at) == learned(signals, Traits(), at)
