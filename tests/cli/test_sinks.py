"""Sinks of findings and results: what each says, and that no name in a policy can talk to it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import pytest

from licet.cli.failures import Failed
from licet.cli.sinks import FINDING_SINKS, Result, project_folder, write_findings
from licet.cli.sinks.github import workflow_commands
from licet.cli.sinks.junit import junit_xml
from licet.cli.sinks.sarif import sarif_log
from licet.cli.terminal import Terminal
from licet.policy_lang import Diagnostic, Note, Severity, Source, Span

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "external" / "sarif" / "sarif-schema-2.1.0.json").read_text()
)
DESK = Source("desk.licet", "tool t()\npermit pay on payy\nforbid b on t\n")
UNKNOWN_TOOL = Diagnostic(
    "LIC106",
    "unknown tool `payy`",
    Span(DESK, 23, 27),
    notes=(Note("declared here", Span(DESK, 0, 8)), Note("tools are closed")),
    help="did you mean `pay`?",
)
WARNED = Diagnostic("LIC140", "loose", Span(DESK, 9, 42), severity=Severity.warning)
NOWHERE = Diagnostic("LIC301", "no policy at `x`", None, severity=Severity.info)

#: What a hostile pull request would put into a name.
HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "x\n::error file=a,line=1::owned",
    "x\r\n::set-output name=a::b",
    "##[error]owned",
    "::stop-commands::x",
    "a%0A::error::b",
    "a,line=9::b:c",
    "<script>alert(1)</script>",
    "]]><evil/>&amp;",
    "[click](http://evil.example) ![](http://evil.example/x.png) **bold**",
    "\u202egpj.exe\u200b",
    "\x00\x08\ufffe\ud800",
)


def validate(log: dict[str, object]) -> dict[str, object]:
    again = json.loads(json.dumps(log))
    jsonschema.Draft7Validator(SCHEMA).validate(again)
    return again


def written(output: str, *found: Diagnostic, folder: str = "") -> str:
    stream = io.StringIO()
    write_findings(found, output, Terminal(stream), folder=folder)
    return stream.getvalue()


# --- SARIF ---------------------------------------------------------------------------------------


def test_sarif_says_what_where_and_how_to_mend_it() -> None:
    log = validate(sarif_log([UNKNOWN_TOOL], "policies"))
    (run,) = log["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["id"] == "LIC106"
    assert rule["name"].isalpha()
    assert rule["help"]["markdown"].startswith("# LIC106 ")
    (result,) = run["results"]
    fingerprint = result.pop("partialFingerprints")
    assert set(fingerprint) == {"licetFinding/v1"}
    assert run["columnKind"] == "unicodeCodePoints"
    assert result == {
        "ruleId": "LIC106",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "unknown tool `payy`\ntools are closed\nhelp: did you mean `pay`?"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "policies/desk.licet"},
                    "region": {
                        "startLine": 2,
                        "startColumn": 15,
                        "endLine": 2,
                        "endColumn": 19,
                    },
                }
            }
        ],
        "relatedLocations": [
            {
                "id": 1,
                "physicalLocation": {
                    "artifactLocation": {"uri": "policies/desk.licet"},
                    "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 9},
                },
                "message": {"text": "declared here"},
            }
        ],
    }


def test_sarif_of_several_findings_and_of_none() -> None:
    log = validate(sarif_log([NOWHERE, UNKNOWN_TOOL, WARNED, UNKNOWN_TOOL]))
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["LIC106", "LIC140", "LIC301"]
    assert [(r["ruleIndex"], r["level"], len(r["locations"])) for r in run["results"]] == [
        (2, "note", 1),
        (0, "error", 1),
        (1, "warning", 1),
        (0, "error", 1),
    ]
    assert len({r["partialFingerprints"]["licetFinding/v1"] for r in run["results"]}) == 4
    assert validate(sarif_log([]))["runs"][0]["results"] == []


def test_a_fingerprint_stays_when_lines_above_come_and_go() -> None:
    moved = Source("desk.licet", "# one\n# two\n" + DESK.text)
    before = sarif_log([UNKNOWN_TOOL])
    after = sarif_log([Diagnostic("LIC106", "unknown tool `payy`", Span(moved, 35, 39))])
    assert prints(before) == prints(after)
    other = Source("other.licet", DESK.text)
    assert prints(before) != prints(
        sarif_log([Diagnostic("LIC106", "unknown tool `payy`", Span(other, 23, 27))])
    )


def prints(log: dict[str, object]) -> list[object]:
    return [r["partialFingerprints"] for r in validate(log)["runs"][0]["results"]]


def test_columns_count_code_points() -> None:
    wide = Source("a b#ü.licet", "😀 x")
    (run,) = validate(sarif_log([Diagnostic("LIC106", "m", Span(wide, 2, 3))]))["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert (place["region"]["startColumn"], place["region"]["endColumn"]) == (3, 4)
    assert place["artifactLocation"]["uri"] == "a%20b%23%C3%BC.licet"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_sarif(text: str) -> None:
    source = Source(text, text)
    span = Span(source, 0, 1)
    found = Diagnostic("LIC106", text, span, notes=(Note(text, span), Note(text)), help=text)
    log = validate(sarif_log([found]))
    result = log["runs"][0]["results"][0]
    for message in (result["message"]["text"], result["relatedLocations"][0]["message"]["text"]):
        assert not re.search(r"(?<!\\)[\[\]]", message)
        assert all(char.isprintable() or char == "\n" for char in message.replace("\ufffe", ""))
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9_.~/%-]+", uri)
    assert "markdown" not in result["message"]
    stated = log["runs"][0]["tool"]["driver"]["rules"]
    assert text not in json.dumps(stated, ensure_ascii=False)


# --- GitHub --------------------------------------------------------------------------------------


def test_annotations_name_the_place_and_hold_notes_and_help() -> None:
    assert list(workflow_commands([UNKNOWN_TOOL, WARNED, NOWHERE], "policies")) == [
        (
            "::error file=policies/desk.licet,line=2,endLine=2,col=15,endColumn=19,title=LIC106"
            "::unknown tool `payy`%0Anote: policies/desk.licet:1: declared here"
            "%0Anote: tools are closed%0Ahelp: did you mean `pay`?"
        ),
        "::warning file=policies/desk.licet,line=2,endLine=4,title=LIC140::loose",
        "::notice title=LIC301::no policy at `x`",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_one_annotation(text: str) -> None:
    source = Source(text, text)
    found = Diagnostic("LIC106", text, Span(source, 0, 1), notes=(Note(text),), help=text)
    out = written("github", found)
    (line,) = out.splitlines()
    assert line.isprintable() or "\ufffe" in line
    match = re.fullmatch(r"::error ([^:]*)::(.*)", line)
    assert match is not None
    properties = dict(part.split("=", 1) for part in match[1].split(","))
    assert list(properties) == ["file", "line", "endLine", "col", "endColumn", "title"]
    assert properties["line"] == "1"
    told = [unquote(part) for part in match[2].split("%0A")]
    assert len(told) == 3
    assert told[1] == f"note: {told[0]}"


# --- JUnit ---------------------------------------------------------------------------------------


def test_junit_of_each_state() -> None:
    pytest.importorskip("junitparser")
    document = ElementTree.fromstring(
        junit_xml(
            [
                Result("test", "small", "passed", Span(DESK, 9, 20), seconds=0.25),
                Result("test", "large", "failed", None, "got deny", ("because a", "b")),
                Result("prove", "never", "undecided", None, "the solver gave no answer"),
            ],
            "desk",
            "policies",
        )
    )
    assert {k: document.get(k) for k in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    small, large, never = document.iter("testcase")
    assert small.attrib == {
        "name": "small",
        "classname": "desk.test",
        "time": "0.25",
        "file": "policies/desk.licet",
        "line": "2",
    }
    assert list(small) == []
    (failure,) = large
    assert (failure.tag, failure.get("message"), failure.text) == (
        "failure",
        "got deny",
        "got deny\nbecause a\nb",
    )
    (error,) = never
    assert (error.tag, error.get("type")) == ("error", "undecided")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_well_formed_xml_of_one_case(text: str) -> None:
    pytest.importorskip("junitparser")
    result = Result("test", text, "failed", Span(Source(text, text), 0, 1), text, (text, text))
    document = ElementTree.fromstring(junit_xml([result, result], text))
    assert [element.tag for element in document.iter()] == [
        "testsuites",
        "testsuite",
        *["testcase", "failure"] * 2,
    ]


def test_junit_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "junitparser", None)
    with pytest.raises(Failed, match=r"pip install 'licet\[junit\]'"):
        junit_xml([], "desk")


# --- by name -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("output", FINDING_SINKS)
def test_no_sink_writes_a_control_character_or_a_line_of_the_policys(
    output: str, text: str
) -> None:
    source = Source(text, f"permit {text}")
    found = Diagnostic("LIC106", text, Span(source, 7, 9), notes=(Note(text),), help=text)
    out = written(output, found, found)
    assert all(char.isprintable() or char in "\n\ufffe" for char in out)
    assert not [
        line
        for line in out.splitlines()
        if line.lstrip().startswith("::")
        and not (output == "github" and line.startswith("::error"))
    ]


def test_text_and_json() -> None:
    assert written("text", UNKNOWN_TOOL).startswith("error[LIC106]: unknown tool `payy`\n --> desk")
    assert [json.loads(line)["code"] for line in written("json", WARNED, NOWHERE).splitlines()] == [
        "LIC140",
        "LIC301",
    ]
    assert written("json") == written("text") == written("github") == ""
    assert json.loads(written("sarif"))["version"] == "2.1.0"


def test_an_unknown_sink_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no sink"):
        written("html", WARNED)


def test_the_projects_folder_is_said_from_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = tmp_path / "repo" / "policies"
    policies.mkdir(parents=True)
    (policies / "desk.licet").write_text("")
    monkeypatch.chdir(tmp_path / "repo")
    assert project_folder([Path("policies")]) == "policies"
    assert project_folder([Path("policies/desk.licet")]) == "policies"
    (tmp_path / "repo" / "licet.toml").write_text("")
    assert project_folder([Path("policies")]) == "."
    monkeypatch.chdir(policies)
    assert project_folder([Path("desk.licet")]) == ".."
