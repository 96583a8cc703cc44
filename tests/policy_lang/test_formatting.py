"""How policies are laid out: text beside text."""

from __future__ import annotations

import pytest

from licet.policy_lang import Source, format_source

CASES: list[tuple[str, str, str]] = [
    ("nothing", "  \n\n", ""),
    ("only comments", "\n\n# a\n\n\n# b\n# c", "# a\n\n# b\n# c\n"),
    (
        "columns and blank lines",
        'policy   "x"\n\n\n\ntimezone\t"UTC"   # when\npermit reads     on any  when  a\n\n',
        'policy "x"\n\ntimezone "UTC"  # when\npermit reads on any when a\n',
    ),
    (
        "what fits stands on a line",
        "forbid x on a\n  when b\n  unless c",
        "forbid x on a when b unless c\n",
    ),
    (
        "clauses keep their order, a let breaks",
        'forbid x on a message "m" when b let c = d',
        'forbid x on a\n  message "m"\n  when b\n  let c = d\n',
    ),
    (
        "literals keep their spelling",
        'const a = [2_000, 0.50, 24h, "\\u{41}", 2026-11-22T15:00:00+00:00, (7)]',
        'const a = [2_000, 0.50, 24h, "\\u{41}", 2026-11-22T15:00:00+00:00, 7]\n',
    ),
    (
        "parentheses inside an expression stay, around a whole one they go",
        "define a = ((b + (c ?? 0)) == (d))",
        "define a = (b + (c ?? 0)) == d\n",
    ),
    (
        "parentheses come where they are needed",
        "define a = (b or c) and not (d and e) and (if f then g else h)",
        "define a = (b or c) and not (d and e) and (if f then g else h)\n",
    ),
    (
        "a long condition breaks before its operators",
        f"define a = {'b' * 40} and {'c' * 40} and ({'d' * 40} or e)",
        f"define a = {'b' * 40}\n  and {'c' * 40}\n  and ({'d' * 40} or e)\n",
    ),
    (
        "a long list breaks item by item",
        f'param a: List<String> = ["{"b" * 40}", "{"c" * 40}"]',
        f'param a: List<String> = [\n  "{"b" * 40}",\n  "{"c" * 40}"\n]\n',
    ),
    (
        "comments in a list, a record, an enum, a table",
        (
            "enum A { b, # first\n c }\nrecord R {\n # on its own\n a: Int # trailing\n }\n"
            "table t(A) -> Int { b: 1; # one\n\n c: 2 }"
        ),
        (
            "enum A {\n  b,  # first\n  c\n}\nrecord R {\n  # on its own\n  a: Int  # trailing\n}\n"
            "table t(A) -> Int {\n  b: 1;  # one\n\n  c: 2\n}\n"
        ),
    ),
    (
        "comments between clauses and after the last",
        "forbid x on a # why\n  # because\n  when b # end\n# next\npermit y on b",
        "forbid x on a  # why\n  # because\n  when b  # end\n# next\npermit y on b\n",
    ),
    (
        "a limit",
        "limit x on a sum(b) on c count() per d.e within month <= 5 else escalate to f",
        (
            "limit x\n  on a sum(b)\n  on c count()\n  per d.e within month <= 5\n"
            "  else escalate to f\n"
        ),
    ),
    (
        "a test",
        (
            'test "t" given principal { id: "a" } f("k") absent now 2026-11-22T15:00Z\n\n'
            "call b { c: 1 } then deny by x\n\ncall b {} then allow"
        ),
        (
            'test "t"\n  given principal { id: "a" } f("k") absent now 2026-11-22T15:00Z\n\n'
            "  call b { c: 1 }\n  then deny by x\n\n  call b {}\n  then allow\n"
        ),
    ),
    (
        "names that need quotes keep them, others lose them",
        'tool "get-it"("user-id": Int, "id": Int)\ngroup g = "get-it", "plain"',
        'tool "get-it"("user-id": Int, id: Int)\ngroup g = "get-it", "plain"\n',
    ),
    (
        "messages",
        'forbid x on a message "{{a}} {  b+1 } {c ?? \\"d\\"} \\u{202e}é"',
        'forbid x on a message "{{a}} {b + 1} {c ?? \\"d\\"} \\u{202e}é"\n',
    ),
]


@pytest.mark.parametrize(
    ("written", "wanted"), [row[1:] for row in CASES], ids=[r[0] for r in CASES]
)
def test_layout(written: str, wanted: str) -> None:
    assert format_source(Source("policy.licet", written)) == (wanted, ())
    assert format_source(Source("policy.licet", wanted)) == (wanted, ())


def test_a_policy_with_a_mistake_is_left_alone() -> None:
    text, diagnostics = format_source(Source("policy.licet", "permit x on a when b = c"))
    assert text is None
    assert [diagnostic.code for diagnostic in diagnostics] == ["LIC006"]
