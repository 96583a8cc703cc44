from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compiler.clock import (
    ZoneError,
    civil,
    clock,
    days,
    format_date,
    format_duration,
    format_time,
    parse_date,
    parse_duration,
    parse_time,
    weekday,
    zone_names,
)
from licet.compiler.types import DAY, HOUR, MAX_DATE, MAX_TIME, MIN_DATE, MIN_TIME, MINUTE, SECOND

NEW_YORK = clock("America/New_York")


@pytest.mark.parametrize("zone", ["", "Nowhere", "../etc/passwd", "America", "tzdata.zi", "utc\n"])
def test_no_zone(zone: str) -> None:
    with pytest.raises(ZoneError):
        clock(zone)


@pytest.mark.parametrize("every", [40, pytest.param(1, marks=pytest.mark.long)])
def test_every_zone_loads(every: int) -> None:
    for name in sorted(zone_names())[::every]:
        assert clock(name).transitions[0][0] == MIN_TIME


@given(
    st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.integers(MIN_TIME // SECOND, MAX_TIME // SECOND),
)
def test_offset_is_the_zone_database_offset(zone: str, second: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    with_zone = moment.astimezone(ZoneInfo(zone)).utcoffset()
    assert with_zone is not None
    assert clock(zone).offset(second * SECOND) == with_zone // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-22T15:00Z", "2026-11-22T15:00:00Z"),
        ("2026-11-22T15:00", "2026-11-22T20:00:00Z"),
        ("2026-11-22T15:00:00.5+05:30", "2026-11-22T09:30:00.5Z"),
        ("2026-11-22T15:00:00.000001-00:00", "2026-11-22T15:00:00.000001Z"),
        ("2026-03-08T02:30", None),  # a gap
        ("2026-11-01T01:30", None),  # a fold
        ("2026-11-01T01:30-05:00", "2026-11-01T06:30:00Z"),
        ("2016-12-31T23:59:60Z", None),
        ("2026-11-22T24:00Z", None),
        ("2026-11-22T15:00:00.1234567Z", None),
        ("2026-11-22 15:00Z", None),
        ("2026-11-22t15:00z", None),
        ("2026-02-29T00:00Z", None),
        ("2026-11-22T15:00+24:00", None),
        ("2026-11-22T15Z", None),
        ("1899-12-31T23:59:59Z", None),
        ("2200-01-01T00:00Z", None),
        ("２026-11-22T15:00Z", None),
        ("2026-11-22T15:00Z\n", None),
        ("", None),
    ],
)
def test_parse_time(text: str, shown: str | None) -> None:
    time = parse_time(text, NEW_YORK)
    assert (None if time is None else format_time(time)) == shown


@given(st.integers(MIN_TIME, MAX_TIME))
def test_a_time_is_read_as_it_was_written(time: int) -> None:
    assert parse_time(format_time(time), NEW_YORK) == time


@given(st.integers(MIN_TIME + DAY, MAX_TIME - DAY))
def test_instants_are_all_instants_with_that_local_time(time: int) -> None:
    local = NEW_YORK.local(time)
    found = NEW_YORK.instants(local)
    assert time in found
    assert [NEW_YORK.local(instant) for instant in found] == [local] * len(found)


@given(st.integers(MIN_DATE, MAX_DATE))
def test_a_date_is_read_as_it_was_written(day: int) -> None:
    assert parse_date(format_date(day)) == day
    assert days(*civil(day)) == day


def test_weekday() -> None:
    assert [weekday(parse_date(f"2026-11-{d}") or 0) for d in range(16, 23)] == list(range(7))


@pytest.mark.parametrize(
    "text", ["2026-2-3", "2026-02-30", "0000-01-01", "2026-01-01 ", "20260101"]
)
def test_no_date(text: str) -> None:
    assert parse_date(text) is None


def test_midnight() -> None:
    day = parse_date("2018-11-04")
    assert day is not None
    assert format_time(clock("America/Sao_Paulo").midnight(day)) == "2018-11-04T03:00:00Z"
    assert format_time(NEW_YORK.midnight(day)) == "2018-11-04T04:00:00Z"


@pytest.mark.parametrize(
    ("text", "duration", "shown"),
    [
        ("30min", 30 * MINUTE, "30min"),
        ("90min", 90 * MINUTE, "90min"),
        ("1.5h", 90 * MINUTE, "90min"),
        ("24h", DAY, "1d"),
        ("0s", 0, "0s"),
        ("-0.5s", -SECOND // 2, "-0.5s"),
        ("-2h", -2 * HOUR, "-2h"),
        ("0.000001s", 1, "0.000001s"),
    ],
)
def test_duration(text: str, duration: int, shown: str) -> None:
    assert parse_duration(text) == duration
    assert format_duration(duration) == shown


@pytest.mark.parametrize("text", ["1m", "1 h", "01s", "PT1H", "1.h", "0.0000001s", "", "1"])
def test_no_duration(text: str) -> None:
    assert parse_duration(text) is None
