"""`licet check`: verdicts in order, exit codes that a script can rely on, nothing fails open."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

DESK = Path(__file__).parent / "golden" / "desk.licet"

GIVEN = {
    "principal": {"id": "a1", "role": "support"},
    "context": {"confirmed": True},
    "facts": {"order": [{"key": ["R1"], "value": {"owner": "u1", "paid": 900}}]},
    "now": "2026-11-22T15:00:00Z",
}
FINE = {"id": "c1", "tool": "refund", "args": {"order": "R1", "amount": 20.5}, **GIVEN}
MUCH = {"id": "c2", "tool": "refund", "args": {"order": "R1", "amount": 700}, **GIVEN}
READ = {"id": "c3", "tool": "get_order", "args": {"id": "R1"}, **GIVEN}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desk.licet").write_bytes(DESK.read_bytes())
    return tmp_path


def lines(*calls):
    return "".join(f"{call if isinstance(call, str) else json.dumps(call)}\n" for call in calls)


def test_an_allowed_call(licet, folder):
    (folder / "call.json").write_text(json.dumps(FINE, indent=2))
    assert licet("check", "desk.licet", "--call", "call.json") == (
        0,
        "allow    c1  refund  by refunds\n",
        "",
    )


def test_a_refused_call_is_a_card(licet, folder):
    code, out, err = licet("check", "desk.licet", "--call", "-", stdin=json.dumps(MUCH))
    assert (code, err) == (1, "")
    assert out == (
        "deny     c2  refund\n"
        "  rule         support_limit (forbidden)  desk.licet:23:1\n"
        "               Support refunds at most 500.\n"
        "  because      args.amount = 700\n"
        "               principal.role = support\n"
        "  repair       args.amount: 700 → 500\n"
        "               with this, the call would be allowed\n"
    )


def test_many_calls_end_with_a_summary(licet, folder):
    code, out, err = licet("check", "desk.licet", "--calls", "-", stdin=lines(FINE, MUCH, READ))
    assert (code, err) == (1, "")
    told = out.splitlines()
    assert told[0] == "allow    c1  refund  by refunds"
    assert told[1] == "deny     c2  refund"
    assert told[-2:] == ["allow    c3  get_order  by reads", "3 calls: 2 allowed, 1 refused"]


def test_all_allowed_is_exit_0(licet, folder):
    code, out, _ = licet("check", "desk.licet", "--calls", "-", stdin=lines(FINE, READ))
    assert (code, out.splitlines()[-1]) == (0, "2 calls: 2 allowed")


def test_json_is_one_verdict_a_line_in_order(licet, folder):
    (folder / "calls.jsonl").write_text(lines(FINE, "", MUCH, READ))
    code, out, err = licet("check", "desk.licet", "--calls", "calls.jsonl", "--output", "json")
    assert (code, err) == (1, "")
    verdicts = [json.loads(line) for line in out.splitlines()]
    assert [(v["line"], v["call"], v["outcome"], v["rules"]) for v in verdicts] == [
        (1, "c1", "allow", ["refunds"]),
        (3, "c2", "deny", ["support_limit"]),
        (4, "c3", "allow", ["reads"]),
    ]
    assert verdicts[1]["violations"] == [
        {
            "kind": "forbidden",
            "message": "Support refunds at most 500.",
            "rule": "support_limit",
            "where": "desk.licet:23:1",
        }
    ]


MALFORMED = [
    ("{", "line 2 is not a call in JSON: "),
    ("[1]", "line 2 is not a call: a call is an object"),
    ('{"args": {}}', "line 2 is not a call: a call names its `tool`"),
    ('{"tool": "refund", "agrs": {}}', "line 2 is not a call: a call has no `agrs`"),
    ('{"tool": "refund", "args": {"amount": NaN}}', "line 2 is not a call in JSON: `NaN`"),
    ('{"tool": "a", "tool": "b"}', "line 2 is not a call in JSON: the key `tool` stands twice"),
    ('{"tool": "\\ud800"}', "line 2 is not a call in JSON: a text has half of a surrogate pair"),
    ("[" * 100_000, "line 2 is not a call in JSON: the value nests deeper than 64"),
]


@pytest.mark.parametrize(("line", "problem"), MALFORMED)
def test_a_line_that_is_no_call_is_refused_and_the_rest_decided(licet, folder, line, problem):
    code, out, err = licet(
        "check", "desk.licet", "--calls", "-", "--output", "json", stdin=lines(FINE, line, READ)
    )
    assert (code, err) == (2, "")
    first, second, third = map(json.loads, out.splitlines())
    assert (first["outcome"], third["outcome"]) == ("allow", "allow")
    assert (second["line"], second["outcome"], second["tool"]) == (2, "deny", "")
    (violation,) = second["violations"]
    assert (violation["kind"], violation["path"]) == ("bad_argument", "line 2")
    assert violation["message"].startswith(problem)


def test_a_line_that_is_no_call_in_text(licet, folder):
    code, out, _ = licet("check", "desk.licet", "--calls", "-", stdin=lines("[1]", READ))
    assert (code, out) == (
        2,
        (
            "deny     line 1  (no tool)\n"
            "  bad argument line 1 is not a call: a call is an object\n"
            "allow    c3  get_order  by reads\n"
            "2 calls: 1 allowed, 1 refused, 1 of them not a call\n"
        ),
    )


def test_one_call_that_is_none(licet, folder):
    code, out, _ = licet("check", "desk.licet", "--call", "-", "--output", "json", stdin="nope")
    verdict = json.loads(out)
    assert (code, verdict["outcome"], verdict["violations"][0]["kind"]) == (
        2,
        "deny",
        "bad_argument",
    )


def test_bytes_that_are_not_text_and_lines_too_long(licet, folder):
    huge = b'{"tool": "' + b"x" * 5_000_000 + b'"}\n'
    data = b"\xff\xfe\n" + huge + json.dumps(READ).encode()
    code, out, _ = licet("check", "desk.licet", "--calls", "-", "--output", "json", stdin=data)
    told = [(v["line"], v["outcome"]) for v in map(json.loads, out.splitlines())]
    assert (code, told) == (2, [(1, "deny"), (2, "deny"), (3, "allow")])


@pytest.mark.parametrize(
    "change",
    [
        {"tool": "refnd"},
        {"args": {"order": "R1"}},
        {"args": {"order": "R1", "amount": "20"}},
        {"args": {"order": "R1", "amount": 20, "extra": 1}},
        {"context": {}},
        {"facts": {}},
        {"principal": {}},
        {"principal": {"id": "a1", "role": "king"}},
    ],
)
def test_what_is_missing_unknown_or_ill_typed_is_refused(licet, folder, change):
    call = {**FINE, "args": {"order": "R1", "amount": 700}, **change}
    code, out, _ = licet(
        "check", "desk.licet", "--call", "-", "--output", "json", stdin=json.dumps(call)
    )
    assert (code, json.loads(out)["outcome"]) == (1, "deny")


def test_numbers_come_out_exactly(licet, folder):
    text = json.dumps(MUCH).replace("700", "700.10").replace("900", "12345.678901")
    _, out, _ = licet("check", "desk.licet", "--call", "-", "--output", "json", stdin=text)
    assert '"amount": 700.1,' in out or '"amount": 700.1}' in out
    assert '"paid": 12345.678901' in out


def test_text_from_a_call_cannot_move_the_cursor(licet, folder):
    call = {**MUCH, "id": "c\x1b[2J", "args": {"order": "R1\x1b]0;t\x07\u202e", "amount": 1}}
    for output in ("text", "json"):
        _, out, err = licet(
            "check", "desk.licet", "--calls", "-", "--output", output, stdin=lines(call)
        )
        assert err == ""
        assert all(line.isprintable() for line in out.splitlines())


def test_params_from_a_file(licet, folder):
    (folder / "p.json").write_text('{"most": 1000}')
    (folder / "p.toml").write_text("[params]\nmost = 699.99\n")
    call = json.dumps(MUCH)
    assert licet("check", "desk.licet", "--call", "-", "--params", "p.json", stdin=call).code == 0
    code, out, _ = licet("check", "desk.licet", "--call", "-", "--params", "p.toml", stdin=call)
    assert code == 1
    assert "Support refunds at most 699.99." in out


@pytest.mark.parametrize("calls", ['{"tool": "t", "args": {}}\n', "{}\n", ""])
def test_a_param_without_a_value_is_a_mistake_of_the_deployment(licet, folder, calls):
    """Also where nothing is asked yet: no calls are no reason to say that all is well."""
    (folder / "a.licet").write_text("tool t()\nparam p: Int\npermit a on t when p > 1\n")
    assert licet("check", "a.licet", "--calls", "-", stdin=calls) == (
        2,
        "",
        (
            "licet check: no value for `p`: give it with --params FILE, or in licet.toml under"
            " [params]\n"
        ),
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.json", "{", "cannot read the params in `p.json`: "),
        ("p.json", "[]", "cannot read the params in `p.json`: expected an object of names"),
        ("p.toml", "a = ", "cannot read the params in `p.toml`: "),
        ("gone.json", None, "cannot read `gone.json`: no such file or directory"),
    ],
)
def test_params_that_cannot_be_read(licet, folder, name, text, said):
    if text is not None:
        (folder / name).write_text(text)
    code, out, err = licet("check", "desk.licet", "--call", "-", "--params", name, stdin="{}")
    assert (code, out) == (2, "")
    assert err.startswith(f"licet check: {said}")
    assert err.count("\n") == 1


def test_a_policy_with_errors_decides_nothing(licet, folder):
    (folder / "a.licet").write_text("tool t()\npermit a on u\n")
    code, out, err = licet("check", "a.licet", "--call", "-", stdin='{"tool": "t"}')
    assert (code, out) == (2, "")
    assert err.startswith("error[LIC106]: ")


def test_a_file_of_calls_that_is_not_there(licet, folder):
    assert licet("check", "desk.licet", "--calls", "gone.jsonl") == (
        2,
        "",
        "licet check: cannot read `gone.jsonl`: no such file or directory\n",
    )


def test_no_calls_at_all(licet, folder):
    assert licet("check", "desk.licet", "--calls", "-") == (0, "0 calls\n", "")


def test_a_stream_is_decided_line_by_line(folder):
    """A verdict is there before the next call has been written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "licet.cli.main", "check", "desk.licet", "--calls", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for _ in range(3):
            process.stdin.write(json.dumps(READ).encode() + b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"allow    c3  get_order  by reads\n"
        process.stdin.close()
        assert process.stdout.readline() == b"3 calls: 3 allowed\n"
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(folder):
    """20 MB of lines, read in a process that may not have that much on top of what it needs."""
    call = json.dumps({**READ, "session": {"id": "x" * 50_000}})
    with (folder / "calls.jsonl").open("w") as file:
        for _ in range(1_000):
            file.write(call + "\n")
    code = (
        "import resource, sys; from licet.cli.main import main;"
        "main(['check', 'desk.licet', '--call', 'one.json']);"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "main(['check', 'desk.licet', '--calls', 'calls.jsonl']);"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(after - before, file=sys.stderr)"
    )
    (folder / "one.json").write_text(call)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("1,000 calls: 1,000 allowed\n")
    assert int(done.stderr) < 15_000


@pytest.mark.slow
def test_an_interrupt_ends_a_long_run_quietly(folder, interruptible):
    """Standard input stays open, so the run waits until it is interrupted."""
    process = subprocess.Popen(
        [sys.executable, "-m", "licet.cli.main", "check", "desk.licet", "--calls", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdin.write(json.dumps(MUCH).encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"deny     c2  refund\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()
