"""Law: compiling any parsed policy gives a program or an error, and never raises.

Policies are made out of one that uses every construct, by putting expressions, types and tool
patterns of it into each other's places.
"""

from __future__ import annotations

from dataclasses import fields

from hypothesis import example, given
from hypothesis import strategies as st

from licet.compiler import compile_sources
from licet.policy_lang import Source, ast, has_errors, parse

POLICY = """policy "everything"
timezone "Europe/Berlin"
enum Cabin { basic, economy, business }
enum Pay { card, cash }
record Leg { number: String, on: Date, price: Decimal?, tags: List<String> }
param cap: Decimal in 0 .. 1_000 step 0.01 = 50
param open: Int
const week = 7d
param table bags(Cabin, Bool) -> Int { basic, true: 0; economy, true: 2; _, true: 1; _, _: 3 }
principal { id: String, role: Pay, boss: String? }
context { sure: Bool, at: Time, doc: Json, seats: Map<Cabin, Int>, legs: List<Leg>?, limit: Int }
session { prompt: String matches /[a-z]*/ }
tool refund(id: String, amount: Decimal, note: String?, cabin: Cabin, legs: List<Leg>) destructive
tool look(id: String, body: Json?) -> { ok: Bool } read_only tags "free"
fact user(id: String) -> { name: String, cabin: Cabin, parent: String? }?
fact rate(cabin: Cabin, day: Date) -> Decimal
group writes = refund
define mine = user(args.id).name ?? "" == principal.boss ?? "-"
define over(x, y) = x > y and has user(args.id).parent
define several = [l.number + "@" for l in args.legs if l.price ?? 0 > 1]
shown principal.role, user.name
adjustable refund(amount)
permit reads on any when tool.read_only or "free" in tool.tags
permit refunds on writes when mine and over(args.amount, cap)
  message "Not more than {cap}: {args.amount}."
forbid one on refund
  let u = user(args.id)
  let p = u.parent
  when p == "x" and u.cabin in [basic, economy] or bags(u.cabin, context.sure) > 2
  unless has args.note and (args.note contains "a" or args.note like "b*")
      and args.note matches /c+/
  message "{u.name} {p} {args.legs}"
forbid two on refund
  when any(l in args.legs: l.price ?? 0 > 32 and l.on < now.date)
      or count(l in args.legs: l.number == "a") > 2
    or all(k, v in context.seats: k == basic and v < 5) or any(a,
      b in adjacent(args.legs): a.on >= b.on)
  message "{l.number} {k} {a.on}"
forbid three on look
  when args.body ?? "" == "x" or has context.doc.a.b and context.doc.a.b ?? 0 > 1
      or context.doc.c ?? [] == []
forbid four on refund
  when -args.amount + 2 * 3 - min(args.amount, 1) / 4 < sum(l in args.legs: l.price ?? 0)
    and now - context.at <= 24h and now.hour in [1, 2] and now.weekday != sun
      and now.date + week > 2026-01-01
    and context.limit div 2 == 1 and context.limit % 3 == 0 and length(several) >= 1
    and (if has args.note then args.note else "none") != "" and has first(args.legs)
      and has last(args.legs) and first(args.legs) == last(args.legs)
forbid five on refund
  when (has url(args.id) and url(args.id).path under "/a") or (has ip(args.id)
      and ip(args.id) in cidr("10.0.0.0/8"))
    or several subset ["a", "b"] or "a" not in several or not mentions(args.id, lower("X"))
    or rate(args.cabin, 2026-01-01) > 0.5 or max(l in args.legs: l.on) ?? 2026-01-01 > 2026-02-02
    or context.at == 2026-11-22T15:00 or [{ number: "a", on: 2026-01-01, tags: [] }] == args.legs
forbid six on refund unless any(c in calls(look, within 30min): c.outcome == ok
      and c.args.id == args.id)
escalate seven on refund when args.amount > 500 to approver.role == card needs 2
limit eight on refund sum(max(0, args.amount)) per principal.id within month <= cap
prove nine never allow refund when args.amount > 2_000
test "one"
  given principal { id: "a", role: card } context { sure: true, seats: { basic: 1 } }
      now 2026-11-22T15:00Z
        user("a") { name: "x", cabin: basic } user("b") absent rate(basic, 2026-01-01) = 0.5
  call refund { id: "a", amount: -1.5, cabin: basic, legs: [{ number: "a", on: 2026-01-01 }] }
  then deny by one
"""


def _spans() -> list[tuple[int, int]]:
    tree, diagnostics = parse(Source("p", POLICY))
    assert not diagnostics
    found: set[tuple[int, int]] = set()
    waiting: list[object] = [tree]
    exchanged = (*ast.Expr.__args__, *ast.type_nodes, ast.ToolPattern)
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(node)
        elif isinstance(node, ast.Node):
            if isinstance(node, exchanged):
                found.add((node.span.start, node.span.end))
            waiting.extend(getattr(node, field.name) for field in fields(node))
    return sorted(found)


SPANS = _spans()
PIECES = sorted({POLICY[start:end] for start, end in SPANS})


@st.composite
def policies(draw: st.DrawFn) -> str:
    """The policy with one to four pieces of it put in the place of others."""
    text = POLICY
    places = draw(st.lists(st.sampled_from(SPANS), min_size=1, max_size=4, unique=True))
    end_of_last = len(POLICY) + 1
    for start, end in sorted(places, reverse=True):
        if end > end_of_last:
            continue
        piece = draw(st.sampled_from(PIECES))
        bare = draw(st.booleans())
        text = text[:start] + (piece if bare else f"({piece})") + text[end:]
        end_of_last = start
    return text


@given(policies())
@example(POLICY)
def test_compilation_gives_a_program_or_an_error(text: str) -> None:
    program, found = compile_sources([Source("p", text)])
    assert (program is None) == has_errors(found)
    assert all(d.message and "\n" not in d.message for d in found)
    assert all(d.help for d in found if d.code >= "LIC100")


def test_the_policy_itself_is_right() -> None:
    _, found = compile_sources([Source("p", POLICY)])
    assert [d.code for d in found] == ["LIC134"]  # a warning: the message of a permit
