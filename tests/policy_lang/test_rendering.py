"""Diagnostics for readers and for machines, in full."""

from __future__ import annotations

from licet.policy_lang import Diagnostic, Note, Severity, Source, Span, render_json, render_text

SOURCE = Source("desk.licet", "permit a on b\nforbid\tx  on refund when 日本 = 1\n" + "x" * 400)
EQUALS = SOURCE.text.index("=")
ERROR = Diagnostic(
    "LIC006",
    "`=` does not compare",
    Span(SOURCE, EQUALS, EQUALS + 1),
    notes=(Note("the rule starts here", Span(SOURCE, 0, 6)), Note("and a sentence")),
    help="write `==`",
)
BARE = Diagnostic("LIC200", "no `principal`", None, Severity.warning)

TEXT = """\
error[LIC006]: `=` does not compare
 --> desk.licet:2:29
  |
2 | forbid  x  on refund when 日本 = 1
  |                                ^
  = note: the rule starts here
 --> desk.licet:1:1
  |
1 | permit a on b
  | ------
  = note: and a sentence
  = help: write `==`

warning[LIC200]: no `principal`
"""


def test_text_for_a_reader() -> None:
    assert render_text([ERROR, BARE]) == TEXT


def test_no_diagnostics_are_no_text() -> None:
    assert render_text([]) == ""


def test_colour_adds_nothing_but_escapes() -> None:
    colored = render_text([ERROR, BARE], color=True)
    assert "\x1b[1;31merror[LIC006]\x1b[0m: \x1b[1m`=` does not compare\x1b[0m\n" in colored
    assert "\x1b[1;33mwarning[LIC200]\x1b[0m" in colored
    plain = colored
    for escape in ("\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m"):
        plain = plain.replace(escape, "")
    assert plain == TEXT


def test_json_for_a_machine() -> None:
    place = {"file": "desk.licet", "line": 2, "column": 29, "end_line": 2, "end_column": 30}
    start = {"file": "desk.licet", "line": 1, "column": 1, "end_line": 1, "end_column": 7}
    nowhere = {"file": None, "line": None, "column": None, "end_line": None, "end_column": None}
    assert render_json([ERROR, BARE]) == [
        {
            "code": "LIC006",
            "severity": "error",
            "message": "`=` does not compare",
            **place,
            "notes": [
                {"message": "the rule starts here", **start},
                {"message": "and a sentence", **nowhere},
            ],
            "help": "write `==`",
        },
        {
            "code": "LIC200",
            "severity": "warning",
            "message": "no `principal`",
            **nowhere,
            "notes": [],
            "help": None,
        },
    ]


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    source = Source("\x1b[2J.licet", "a\x1b[31m \u202eb\u200b\x00 = c")
    found = Diagnostic("LIC006", "bad `\x1b]0;x\x07\u2066`\nsecond", Span(source, 12, 13))
    assert render_text([found]) == (
        "error[LIC006]: bad `�]0;x��`�second\n"
        " --> �[2J.licet:1:13\n"
        "  |\n"
        "1 | a�[31m �b�� = c\n"
        "  |             ^\n"
    )


def test_a_long_line_is_cut_around_the_mark() -> None:
    start = SOURCE.text.rindex("\n") + 201
    shown = render_text([Diagnostic("LIC001", "here", Span(SOURCE, start, start + 2))])
    assert shown == (
        "error[LIC001]: here\n"
        " --> desk.licet:3:201\n"
        "  |\n"
        f"3 | …{'x' * 53}{'x' * 2}{'x' * 53}…\n"
        f"  | {' ' * 54}^^\n"
    )


def test_a_span_over_lines_is_marked_to_the_end_of_its_first() -> None:
    shown = render_text([Diagnostic("LIC001", "here", Span(SOURCE, 9, 20))])
    assert shown.endswith("1 | permit a on b\n  |          ^^^^\n")


def test_the_end_of_a_file_has_one_mark() -> None:
    source = Source("x", "a\n")
    shown = render_text([Diagnostic("LIC002", "here", Span(source, 2, 2))])
    assert shown == "error[LIC002]: here\n --> x:2:1\n  |\n2 |\n  | ^\n"
