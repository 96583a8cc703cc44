"""Input made to be slow, huge or misread: answered in bounded time and memory, and never allowed
by it."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from licet import Guard
from support.shop import shop

TEXTS = r"""
policy "texts"
tool send(to: List<String>, subject: String, body: String, link: String, file: String) destructive
tool echo(text: String)
param house: List<String> = ["corp.example"]
permit send on send
permit echo on echo when args.text == "A"
forbid outside on send when any(a in args.to: email(a).domain ?? "" not in house)
forbid link on send
  let u = url(args.link)
  unless u.scheme == "https" and u.host == "corp.example"
forbid file on send
  let p = path(args.file)
  unless p under "/data/out"
forbid pattern on send when args.subject matches /(a|aa)*(b|bb)*c{0,200}!/
forbid secret on send when mentions(args.body, "password") or args.body contains "key="
"""


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with shop(tmp_path_factory.mktemp("texts"), TEXTS, engine="both") as made:
        yield made


def send(**changes: object) -> dict[str, object]:
    fine = {
        "to": ["a@corp.example"],
        "subject": "hello",
        "body": "text",
        "link": "https://corp.example/a",
        "file": "/data/out/a.txt",
    }
    return {"tool": "send", "args": {**fine, **changes}}


def test_the_plain_call_is_allowed(guard: Guard) -> None:
    assert guard.check(send()).allowed


@pytest.mark.parametrize(
    "text", ["\\u{41}", "\\x41", "\\u0041", "a", "A\x00", " A", "\u0391", "Ａ", "A\u0301"]
)
def test_text_that_looks_like_another(guard: Guard, text: str) -> None:
    assert guard.check({"tool": "echo", "args": {"text": "A"}}).allowed
    assert guard.check({"tool": "echo", "args": {"text": text}}).kind == "no_permit"


@pytest.mark.parametrize("char", ["\U0002ffff", "\U00030000", "\U0010ffff"])
def test_code_points_beyond_the_solver(guard: Guard, char: str) -> None:
    """Compared only: accepted. In a field that text operators read: refused above U+2FFFF."""
    assert guard.check({"tool": "echo", "args": {"text": char}}).kind == "no_permit"
    verdict = guard.check(send(body=f"x{char}y"))
    assert verdict.allowed == (char <= "\U0002ffff")


@pytest.mark.parametrize(
    "link",
    [
        "http://corp.example/a",
        "https://corp.example@evil.example/",
        "https://evil.example#@corp.example/",
        "https://evil.example\\@corp.example/",
        "https://corp.example.evil.example/",
        "https://corp.example:443@evil.example/",
        "https://corp.example%2eevil.example/",
        "https://CORP.example./",
        " https://corp.example/",
        "https://corp.example/\n",
        "https:///corp.example/",
        "https:/corp.example/",
        "//corp.example/",
        "https://corp.exаmple/",
        "https://corp.example/%2e%2e/x",
        "javascript:https://corp.example/",
        "https://[::ffff:1.2.3.4]/",
        "https://0x7f.1/",
        "",
    ],
)
def test_hostile_links(guard: Guard, link: str) -> None:
    verdict = guard.check(send(link=link))
    assert verdict.rules == ("link",)


@pytest.mark.parametrize(
    "file",
    [
        "/data/outside/a",
        "/data/out/../secret",
        "/data/out/./../../etc/passwd",
        "/data//out/../../x",
        "data/out/a",
        "/data/out/%2e%2e/x",
        "/data/out/\x00/x",
        "\\data\\out\\x",
        "C:/data/out/x",
        "~/data/out",
        "",
        "/data/ou",
        "/DATA/OUT/a",
    ],
)
def test_hostile_paths(guard: Guard, file: str) -> None:
    assert guard.check(send(file=file)).rules == ("file",)


@pytest.mark.parametrize(
    "address",
    [
        "a@evil.example",
        "a@corp.example@evil.example",
        "a@corp.example,b@evil.example",
        "a@corp.example b@evil.example",
        "<a@corp.example>",
        '"a@corp.example"@evil.example',
        "a@corp.example(evil)",
        "a@corp.example\n",
        "a@corp.example.",
        "a@[127.0.0.1]",
        "a@CORP.example.evil.example",
        "@corp.example",
        "a@",
        "",
    ],
)
def test_hostile_addresses(guard: Guard, address: str) -> None:
    assert guard.check(send(to=["a@corp.example", address])).rules == ("outside",)


def test_regular_expression_bombs_on_long_text(guard: Guard) -> None:
    for text in ("a" * 50_000, "ab" * 25_000, "a" * 20_000 + "b" * 20_000 + "c" * 200):
        assert guard.check(send(subject=text)).outcome in ("allow", "deny")
    assert guard.check(send(subject="a" * 20_000 + "!")).rules == ("pattern",)


def test_very_long_lists_and_texts_are_bounded(guard: Guard) -> None:
    assert guard.check(send(to=["a@corp.example"] * 100_000)).kind == "bad_argument"
    assert guard.check(send(body="x" * 10_000_000)).kind == "bad_argument"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20):
        guard.check(send(body="x" * 10_000_000))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000  # KiB


SQUARES = "".join(f"  let a{i + 1} = a{i} * a{i}\n" for i in range(30))
BOMBS = f"""
policy "bombs"
tool squares(n: Int)
tool halves(n: Decimal)
tool within(text: String, part: String)
tool triples(xs: List<Int>)
permit all on any
forbid squares on squares
  let a0 = args.n
{SQUARES}  when a30 == 5
forbid halves on halves
  let a0 = args.n / 3
{SQUARES}  when a30 == 5
forbid within on within when args.text contains args.part
forbid triples on triples
  when any(x in args.xs: any(y in args.xs: any(z in args.xs: x * y + z == -1)))
"""


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with shop(tmp_path_factory.mktemp("bombs"), BOMBS, engine="both") as made:
        yield made


@pytest.mark.parametrize(("tool", "n"), [("squares", 10**99), ("squares", 2), ("halves", 0.5)])
def test_numbers_that_are_squared_again_and_again(bombs: Guard, tool: str, n: float) -> None:
    """A number of 2^30 digits is never made: the formula is refused, whatever the call says."""
    verdict = bombs.check({"tool": tool, "args": {"n": n}})
    assert (verdict.outcome, verdict.kind) == ("deny", "fault")
    assert "binary digits" in verdict.message


def test_loops_in_loops_end_in_a_refusal(bombs: Guard) -> None:
    for _ in range(3):  # the second is refused at once
        verdict = bombs.check({"tool": "triples", "args": {"xs": list(range(500))}})
        assert (verdict.outcome, verdict.kind) == ("deny", "fault")
    assert bombs.check({"tool": "triples", "args": {"xs": [1, 2, 3]}}).allowed


def test_a_text_that_almost_holds_another_everywhere(bombs: Guard) -> None:
    """Compared at each position this takes 2.5 billion steps, none of which can be interrupted."""
    text, part = "a" * 100_000, "a" * 50_000
    assert bombs.check({"tool": "within", "args": {"text": text, "part": part + "b"}}).allowed
    assert bombs.check({"tool": "within", "args": {"text": text, "part": part}}).rules == (
        "within",
    )
