"""What every clock keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aura.clock import Clock, SystemClock
from aura.testing.clock import FixedClock


@pytest.fixture(params=[SystemClock, FixedClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    return request.param()


def test_a_clock_knows_its_time_zone(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_a_clock_never_goes_back(clock: Clock) -> None:
    times = [clock.now() for _ in range(1_000)]
    assert times == sorted(times)


def test_a_clocks_times_compare_with_those_of_the_database(clock: Clock) -> None:
    assert clock.now() > datetime(2020, 1, 1, tzinfo=UTC)
