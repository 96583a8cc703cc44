"""The calendar and one time zone: what `.hour`, `.weekday`, `.date` and written times mean.

Times are integers of microseconds since 1970-01-01T00:00Z, dates are days since 1970-01-01, both
in the proleptic Gregorian calendar. Zones come from the `tzdata` package, never from the machine,
so that a policy means the same everywhere. Outside MIN_TIME .. MAX_TIME no zone rule is defined:
the offset at the nearer end holds.
"""

from __future__ import annotations

import functools
import re
import struct
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

from .types import DAY, HOUR, MAX_TIME, MIN_TIME, MINUTE, SECOND

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_ZONE_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")


class ZoneError(ValueError):
    """A name that is not the name of a time zone."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One zone. `transitions` are (instant, offset from it on), both in microseconds, ascending;
    the first instant is MIN_TIME, so that they cover MIN_TIME .. MAX_TIME."""

    zone: str
    transitions: tuple[tuple[int, int], ...]
    _starts: tuple[int, ...]

    def offset(self, time: int) -> int:
        """What local time is ahead of UTC at an instant, in microseconds."""
        return self.transitions[max(bisect_right(self._starts, time) - 1, 0)][1]

    def local(self, time: int) -> int:
        """Microseconds since 1970-01-01T00:00 on the zone's own clocks."""
        return time + self.offset(time)

    def instants(self, local: int) -> tuple[int, ...]:
        """The instants at which the zone's clocks show a local time, ascending.

        One as a rule, none in the gap of a clock put forward, two in the fold of one put back.
        """
        first = max(bisect_right(self._starts, local - 2 * DAY) - 1, 0)
        last = max(bisect_right(self._starts, local + 2 * DAY), 1)
        offsets = {offset for _, offset in self.transitions[first:last]}
        return tuple(sorted(local - o for o in offsets if self.offset(local - o) == o))

    def parse_local(self, local: int) -> int | None:
        """The one instant at which clocks show a local time; None in a gap or a fold."""
        found = self.instants(local)
        return found[0] if len(found) == 1 else None

    def date(self, time: int) -> int:
        """The date of an instant, as days."""
        return (time + self.offset(time)) // DAY

    def hour(self, time: int) -> int:
        """The hour of an instant, 0 to 23."""
        return self.local(time) % DAY // HOUR

    def weekday(self, time: int) -> int:
        """The weekday of an instant: 0 is Monday."""
        return weekday(self.date(time))

    def midnight(self, day: int) -> int:
        """The first instant of a date: of two midnights the earlier, in a gap its end."""
        found = self.instants(day * DAY)
        if found:
            return found[0]
        # The gap that swallows midnight is the transition that first leads into the date.
        after = bisect_right(self._starts, day * DAY - 2 * DAY)
        return next(
            start
            for start, offset in self.transitions[max(after - 1, 0) :]
            if start + offset >= day * DAY
        )


@functools.lru_cache(maxsize=64)
def clock(zone: str) -> Clock:
    """The clock of an IANA zone name such as `Europe/Berlin`. Raises `ZoneError`."""
    if zone == "UTC":
        return Clock("UTC", ((MIN_TIME, 0),), (MIN_TIME,))
    data = _zone_file(zone)
    explicit, rule = _tzif(data)
    with resources.files("tzdata.zoneinfo").joinpath(zone).open("rb") as file:
        info = ZoneInfo.from_file(file, key=zone)
    edges = sorted({t for t in explicit if MIN_TIME < t <= MAX_TIME})
    if "," in rule:  # the rule for ever after: one pair of changes a year
        edges += _changes(info, edges[-1] if edges else MIN_TIME)
    transitions = [(MIN_TIME, _offset(info, MIN_TIME))]
    for edge in edges:
        offset = _offset(info, edge)
        if offset != transitions[-1][1]:
            transitions.append((edge, offset))
    return Clock(zone, tuple(transitions), tuple(start for start, _ in transitions))


def _zone_file(zone: str) -> bytes:
    if len(zone) <= 64 and _ZONE_NAME.fullmatch(zone):
        try:
            data = resources.files("tzdata.zoneinfo").joinpath(zone).read_bytes()
        except OSError:
            data = b""
        if data.startswith(b"TZif"):
            return data
    raise ZoneError(zone)


@functools.lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Every zone name there is, sorted."""
    return tuple(sorted(resources.files("tzdata").joinpath("zones").read_text().split()))


def _tzif(data: bytes) -> tuple[list[int], str]:
    """The transition instants (microseconds) and the trailing rule of a version 2 TZif file."""
    header = struct.Struct(">4sc15x6l")

    def counts(at: int) -> tuple[int, ...]:
        return tuple(header.unpack_from(data, at)[2:])

    isutc, isstd, leap, times, types, chars = counts(0)
    start = header.size + times * 5 + types * 6 + chars + leap * 8 + isstd + isutc
    isutc, isstd, leap, times, types, chars = counts(start)
    body = start + header.size
    seconds = struct.unpack_from(f">{times}q", data, body)
    end = body + times * 9 + types * 6 + chars + leap * 12 + isstd + isutc
    return [second * SECOND for second in seconds], data[end:].decode("ascii").strip("\n")


def _changes(info: ZoneInfo, start: int) -> list[int]:
    """The instants after `start` at which the offset changes, found to the second."""
    found: list[int] = []
    previous, before = start, _offset(info, start)
    for time in range(start + 7 * DAY, MAX_TIME + 7 * DAY, 7 * DAY):
        after = _offset(info, min(time, MAX_TIME))
        if after != before:
            low, high = previous, min(time, MAX_TIME)
            while high - low > SECOND:
                middle = (low + high) // 2 // SECOND * SECOND
                if _offset(info, middle) == before:
                    low = middle
                else:
                    high = middle
            found.append(high)
        previous, before = time, after
    return found


def _offset(info: ZoneInfo, time: int) -> int:
    offset = (_EPOCH + timedelta(microseconds=time)).astimezone(info).utcoffset()
    assert offset is not None
    return offset // _MICROSECOND


# --- the calendar ------------------------------------------------------------------------------


def civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of a date (MIN_DATE .. MAX_DATE)."""
    found = date.fromordinal(day + _EPOCH_ORDINAL)
    return found.year, found.month, found.day


def days(year: int, month: int, day: int) -> int | None:
    """The date with a year (1 .. 9999), month and day; None if there is none."""
    try:
        return date(year, month, day).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        return None


def weekday(day: int) -> int:
    """The weekday of a date: 0 is Monday."""
    return (day + 3) % 7


def parse_date(text: str) -> int | None:
    """`YYYY-MM-DD` as days, None for anything else."""
    match = _DATE.fullmatch(text)
    return days(*map(int, match.groups())) if match else None


def parse_time(text: str, zone: Clock) -> int | None:
    """`YYYY-MM-DDTHH:MM[:SS[.f…]][Z|±HH:MM]` as microseconds, None for anything else.

    Up to six digits of a second. Without an offset the time is the zone's local time, and None
    in a gap or fold. None for a leap second and outside MIN_TIME .. MAX_TIME.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day_text, hour, minute, second, fraction, offset = match.groups()
    day = parse_date(day_text)
    if day is None or int(hour) > 23 or int(minute) > 59 or int(second or 0) > 59:
        return None
    local = day * DAY + int(hour) * HOUR + int(minute) * MINUTE + int(second or 0) * SECOND
    local += int((fraction or "0").ljust(6, "0"))
    if offset is None:
        time = zone.parse_local(local)
        if time is None:
            return None
    elif offset == "Z":
        time = local
    else:
        hours, minutes = int(offset[1:3]), int(offset[4:6])
        if hours > 23 or minutes > 59:
            return None
        ahead = hours * HOUR + minutes * MINUTE
        time = local - ahead if offset[0] == "+" else local + ahead
    return time if MIN_TIME <= time <= MAX_TIME else None


def format_date(day: int) -> str:
    """`YYYY-MM-DD`."""
    return date.fromordinal(day + _EPOCH_ORDINAL).isoformat()


def format_time(time: int) -> str:
    """`YYYY-MM-DDTHH:MM:SS[.f…]Z`."""
    seconds, micros = divmod(time, SECOND)
    fraction = f".{micros:06}".rstrip("0") if micros else ""
    return f"{_to_the_second(seconds)}{fraction}Z"


@functools.lru_cache(maxsize=256)  # decisions are made many in one second
def _to_the_second(time: int) -> str:
    day, seconds = divmod(time, DAY // SECOND)
    clock_text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{format_date(day)}T{clock_text}"


_DURATION = re.compile(r"(-?)(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?(s|min|h|d)")
_UNITS = (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", SECOND))


def parse_duration(text: str) -> int | None:
    """`30min`, `1.5h`: a number and a unit of `s min h d`; None for anything else or for a length
    that is no whole number of microseconds."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, unit = match.groups()
    scale = 10 ** (len(fraction) - 1) if fraction else 1
    number = int(sign + whole + (fraction[1:] if fraction else ""))
    micros, rest = divmod(number * dict(_UNITS)[unit], scale)
    return None if rest else micros


def format_duration(duration: int) -> str:
    """The number and the largest unit in which it is whole, else decimal seconds."""
    for unit, size in _UNITS:
        if duration and duration % size == 0:
            return f"{duration // size}{unit}"
    sign, (seconds, micros) = "-" if duration < 0 else "", divmod(abs(duration), SECOND)
    return f"{sign}{seconds}" + (f".{micros:06}".rstrip("0") if micros else "") + "s"
