"""Values → HTML. Whatever is no markup of ours is escaped, and nothing in it is invisible.

Text of others may hold characters that hide, or turn the direction of what stands beside them:
each is shown as `�`, or, in a quoted text, as its escape of JSON.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from licet.compiler.exact_json import number_text
from licet.policy_lang.rendering import visible

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
#: Characters of one text, and lines of one value, that a page shows.
MAX_TEXT = 2_000
MAX_LINES = 400
#: Characters of a group that stands in one line.
_SHORT = 54
#: What stands in the audit for a value that was left out.
_COMMITTED = "$committed"
_UNKNOWN = {"$unknown": True}
_NONE = Markup()
#: What an outcome is called on pages.
OUTCOME_WORDS: Mapping[str, str] = {"allow": "allowed", "deny": "refused", "escalate": "asks"}


def environment() -> Environment:
    """The templates of the console."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "json": json_block,
        "inline": json_inline,
        "clock": clock,
        "ago": ago,
        "left": left,
        "cut": cut,
        "lines": text_lines,
        "as_typed": as_typed,
        "plural": plural,
    }
    made.globals["outcome_words"] = OUTCOME_WORDS
    return made


def _shown(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def as_typed(text: str) -> Markup:
    """A text as it stands, for a field in which somebody edits it."""
    return escape(text)


def text_lines(text: str) -> Markup:
    """A text of several lines."""
    shown = [escape(visible(line)) for line in text.split("\n")]
    return Markup("<br>").join(shown)


def cut(text: object, most: int) -> str:
    """A text of at most so many characters."""
    plain = str(text)
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def plural(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


# --- JSON


def json_inline(value: object, most: int = 120) -> str:
    """A value in one short line of plain text."""
    return cut(_plain(value), most)


def json_block(value: object) -> Markup:
    """A value over several lines, every part marked for what it is, what is redacted named so."""
    lines: list[Markup] = []
    for line in _lines(value, 0):
        if len(lines) == MAX_LINES:
            lines.append(Markup('<span class="more">… and more, which `/v1` tells</span>'))
            break
        lines.append(line)
    return Markup("\n").join(lines)


def _lines(value: object, depth: int, before: Markup = _NONE, after: str = "") -> Iterator[Markup]:
    pad = "  " * depth
    if not _is_group(value) or _room(value, _SHORT - 2 * depth) >= 0:
        yield Markup("{}{}{}{}").format(pad, before, _inline(value), after)
        return
    begin, end = ("{", "}") if isinstance(value, Mapping) else ("[", "]")
    yield Markup("{}{}{}").format(pad, before, begin)
    parts = _parts(value)
    for number, (name, item) in enumerate(parts, 1):
        yield from _lines(item, depth + 1, name, "," if number < len(parts) else "")
    yield Markup("{}{}{}").format(pad, end, after)


def _is_group(value: object) -> bool:
    if isinstance(value, Mapping):
        return value != _UNKNOWN and not (len(value) == 1 and _COMMITTED in value)
    return isinstance(value, list | tuple)


def _room(value: object, most: int) -> int:
    """How much of a line is left beside a value; less than nothing where it does not fit."""
    if not _is_group(value):
        return most - (len(value) + 2 if isinstance(value, str) else len(_plain(value)))
    inner = value.items() if isinstance(value, Mapping) else (("", item) for item in value)  # type: ignore[attr-defined]
    most -= 2
    for name, item in inner:
        most = _room(item, most - len(name) - 4) if most >= 0 else most
        if most < 0:
            break
    return most


def _parts(value: object) -> list[tuple[Markup, object]]:
    if isinstance(value, Mapping):
        return [(_key(name), item) for name, item in value.items()]
    assert isinstance(value, list | tuple)
    return [(_NONE, item) for item in value]


def _inline(value: object) -> Markup:
    if not _is_group(value):
        return _scalar(value)
    inner = Markup(", ").join(name + _inline(item) for name, item in _parts(value))
    return Markup("{{{}}}" if isinstance(value, Mapping) else "[{}]").format(inner)


def _key(name: str) -> Markup:
    return Markup('<span class="j-key">{}</span>: ').format(quoted(name, 200))


def _scalar(value: object) -> Markup:
    match value:
        case Mapping():
            if _COMMITTED in value:
                return Markup('<span class="redacted">redacted</span>')
            return Markup('<span class="j-word">unknown</span>')
        case str():
            return Markup('<span class="j-text">{}</span>').format(quoted(value, MAX_TEXT))
        case None | bool():
            return Markup('<span class="j-word">{}</span>').format(_plain(value))
        case _:
            return Markup('<span class="j-number">{}</span>').format(_plain(value))


def quoted(text: str, most: int) -> str:
    """A text in quotes, with an escape for all that does not show; cut, and by how much."""
    more = len(text) - most
    shown = text if more <= 0 else text[:most]
    told = "".join(_escaped(char) for char in json.dumps(shown, ensure_ascii=False))
    return told if more <= 0 else f"{told}… and {plural(more, 'more character')}"


def _escaped(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _plain(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value, MAX_TEXT)
        case int() | Decimal() | Fraction():
            return number_text(value)
        case Mapping():
            if _COMMITTED in value and len(value) == 1:
                return "redacted"
            if value == _UNKNOWN:
                return "unknown"
            return "{" + ", ".join(f"{quoted(k, 80)}: {_plain(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_plain, value)) + "]"
        case _:
            return str(value)


# --- instants; all in UTC


def instant(text: str) -> datetime:
    """An instant of the audit, as RFC 3339 text. Raises ValueError."""
    return datetime.fromisoformat(text)


def clock(at: datetime, now: datetime | None = None) -> Markup:
    """An instant as a reader takes it in: with its day only where that is another."""
    now = now or datetime.now(UTC)
    shown = at.strftime("%H:%M:%S") if at.date() == now.date() else at.strftime("%b %d %H:%M:%S")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), at.strftime("%Y-%m-%d %H:%M:%S.%f UTC"), shown
    )


def ago(at: datetime, now: datetime | None = None) -> str:
    return f"{span((now or datetime.now(UTC)) - at)} ago"


def left(at: datetime, now: datetime | None = None) -> str:
    return span(at - (now or datetime.now(UTC)))


def span(length: timedelta) -> str:
    """A length of time in its largest unit."""
    seconds = max(0, int(length.total_seconds()))
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (seconds >= size and size < 86_400):
            return plural(seconds // size, unit)
    return plural(seconds, "second")
