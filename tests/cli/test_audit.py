"""`licet audit`: what it says of audits that are whole, and of those that are not; exit codes."""

import json
import os
import signal
import subprocess
import sys

import pytest

from support.audit_log import filled

CUT = (
    "without checkpoints, nobody can tell whether the end was cut off, or everything written anew:"
    " give --checkpoints and --key\n"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.jsonl").write_text(filled(20).text())
    return tmp_path


@pytest.fixture
def signed(licet, folder):
    assert licet("audit", "keygen", "k").code == 0
    made = licet("audit", "checkpoint", "audit.jsonl", "--checkpoints", "cp", "--key", "k")
    assert made == (0, "checkpoint 1: tenant acme, number 20\n", "")
    return folder


VOUCHED = ("--checkpoints", "cp", "--key", "k.pub")


def test_a_whole_audit_and_what_cannot_be_told(licet, folder):
    assert licet("audit", "verify", "audit.jsonl") == (
        0,
        "tenant acme: number 20 is the last, of 2026-11-18T11:06:40.02Z\n"
        "whole: 20 entries, none changed or missing\n" + CUT,
        "",
    )


def test_checkpoints_vouch(licet, signed):
    log = filled(23).text()
    (signed / "audit.jsonl").write_text(log)
    code, out, err = licet("audit", "verify", "audit.jsonl", *VOUCHED)
    assert (code, err) == (0, "")
    assert out == (
        "tenant acme: number 23 is the last, of 2026-11-18T11:06:40.023Z\n"
        "  checkpoints vouch for it up to number 20; the 3 entries after that may have been cut off"
        " or written anew\n"
        "whole: 23 entries, none changed or missing\n"
    )
    grown = licet("audit", "checkpoint", "audit.jsonl", "--checkpoints", "cp", "--key", "k")
    assert grown.out == "checkpoint 2: tenant acme, number 23\n"
    assert (
        "checkpoints vouch for all of it" in licet("audit", "verify", "-", *VOUCHED, stdin=log).out
    )
    again = licet("audit", "checkpoint", "audit.jsonl", "--checkpoints", "cp", "--key", "k")
    assert again == (0, "no entries since the last checkpoint\n", "")


def test_what_is_wrong_and_where(licet, folder):
    lines = filled(20).text().splitlines(keepends=True)
    lines[8] = lines[8].replace('"n": 8', '"n": 9')
    del lines[4]
    code, out, err = licet("audit", "verify", "-", stdin="".join(lines))
    assert (code, err) == (1, "")
    assert out == (
        "missing: tenant acme, number 5: is not in its place before number 6 (line 5)\n"
        "changed: tenant acme, number 9: its text was changed: it does not give its hash (line 8)\n"
        "tenant acme: number 20 is the last, of 2026-11-18T11:06:40.02Z\n"
        "not whole: 2 findings\n"
    )
    code, out, err = licet("audit", "verify", "-", "--output", "json", stdin="".join(lines))
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "fault": "missing",
            "tenant": "acme",
            "seq": 5,
            "last": 5,
            "position": 5,
            "message": "is not in its place before number 6",
        },
        {
            "fault": "changed",
            "tenant": "acme",
            "seq": 9,
            "position": 8,
            "message": "its text was changed: it does not give its hash",
        },
        {
            "findings": 2,
            "tenants": [
                {
                    "tenant": "acme",
                    "entries": 20,
                    "last": "2026-11-18T11:06:40.02Z",
                    "vouched": 0,
                }
            ],
        },
    ]


def test_an_end_cut_off(licet, signed):
    (signed / "audit.jsonl").write_text(filled(15).text())
    code, out, _ = licet("audit", "verify", "audit.jsonl", *VOUCHED)
    assert code == 1
    assert "truncated: tenant acme, number 16 to 20: the end is missing" in out
    (signed / "audit.jsonl").write_text("")
    code, out, _ = licet("audit", "verify", "audit.jsonl", *VOUCHED)
    assert code == 1
    assert "truncated: tenant acme, number 1 to 20" in out


def test_nothing_is_signed_that_is_not_whole(licet, signed):
    before = (signed / "cp").read_bytes()
    (signed / "audit.jsonl").write_text(filled(15).text())
    ended = licet("audit", "checkpoint", "audit.jsonl", "--checkpoints", "cp", "--key", "k")
    assert ended.code == 1
    assert ended.out.splitlines()[-1] == "nothing was signed"
    (signed / "audit.jsonl").write_text(filled(25).text())
    (signed / "cp").write_bytes(before[:-1])  # a crash while it was written
    ended = licet("audit", "checkpoint", "audit.jsonl", "--checkpoints", "cp", "--key", "k")
    assert ended == (1, "checkpoints, line 1: is cut off\nnothing was signed\n", "")
    assert (signed / "cp").read_bytes() == before[:-1]


def test_a_key_that_was_changed(licet, signed):
    (signed / "audit.jsonl").write_text(filled(25).text())
    assert licet("audit", "keygen", "new").code == 0
    add = ("audit", "checkpoint", "audit.jsonl", "--checkpoints", "cp", "--key", "new")
    assert licet(*add).code == 1
    assert licet(*add, "--earlier-key", "k.pub").code == 0
    assert licet("audit", "verify", "audit.jsonl", *VOUCHED).code == 1
    assert licet("audit", "verify", "audit.jsonl", *VOUCHED, "--key", "new.pub").code == 0


def test_two_checkpoints_at_once(folder):
    """The file is locked: both runs end, and what they leave is whole."""
    command = [sys.executable, "-m", "licet.cli.main", "audit"]
    subprocess.run([*command, "keygen", "k"], check=True, capture_output=True)
    add = [*command, "checkpoint", "audit.jsonl", "--checkpoints", "cp", "--key", "k"]
    runs = [subprocess.Popen(add, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = sorted(run.communicate()[0] for run in runs)
    assert said == [
        "checkpoint 1: tenant acme, number 20\n",
        "no entries since the last checkpoint\n",
        "no entries since the last checkpoint\n",
    ]


def test_keys_are_kept_from_others_and_never_overwritten(licet, folder):
    assert licet("audit", "keygen", "k").code == 0
    assert os.stat("k").st_mode & 0o777 == 0o600
    secret = (folder / "k").read_bytes()
    assert licet("audit", "keygen", "k") == (
        2,
        "",
        "licet audit: `k.pub` exists; a key is never overwritten\n",
    )
    os.remove("k.pub")
    assert licet("audit", "keygen", "k").code == 2
    assert (folder / "k").read_bytes() == secret


def test_without_the_package_it_says_how_to_get_it(licet, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    said = "licet audit: keys and checkpoints need `pip install 'licet[audit]'`\n"
    assert licet("audit", "keygen", "k") == (2, "", said)
    assert licet("audit", "verify", "audit.jsonl", *VOUCHED) == (2, "", said)
    assert licet("audit", "verify", "audit.jsonl").code == 0


def test_a_full_disk_leaves_the_checkpoints_as_they_were(licet, signed):
    """A limit on the size of files stands in for the disk: the system refuses in the same way."""
    import resource

    (signed / "audit.jsonl").write_text(filled(25).text())
    before = (signed / "cp").read_bytes()
    command = [sys.executable, "-m", "licet.cli.main", "audit", "checkpoint", "audit.jsonl"]

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, len(before) + 10))

    ended = subprocess.run(
        [*command, "--checkpoints", "cp", "--key", "k"],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("licet audit: cannot write the checkpoint: ")
    assert (signed / "cp").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name one of verify, reprove, checkpoint, keygen, export"),
        (("audit",), "there is no `audit audit`"),
        (("verify", "none.jsonl"), "cannot read `none.jsonl`: no such file or directory"),
        (
            ("verify", "audit.jsonl", "--key", "k.pub"),
            "--checkpoints FILE and --key FILE go together",
        ),
        (("verify", "audit.jsonl", "--checkpoints", "audit.jsonl", "--key", "none"), "cannot read"),
        (
            ("verify", "audit.jsonl", "--checkpoints", "audit.jsonl", "--key", "audit.jsonl"),
            "`audit.jsonl` is no public key",
        ),
        (("verify", "audit.jsonl", "--tenant", "nobody"), "there are no entries"),
        (("verify", "sqlite:///none.db"), "cannot read `sqlite:///none.db`: no such file"),
        (
            ("checkpoint", "audit.jsonl", "--checkpoints", "cp", "--key", "audit.jsonl"),
            "`audit.jsonl` is no private key",
        ),
    ],
)
def test_wrong_input_is_exit_2(licet, folder, arguments, said):
    code, out, err = licet("audit", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_export_gives_the_lines_back(licet, folder):
    mixed = filled(3).text() + filled(2, tenant="zenith").text()
    assert licet("audit", "export", "-", stdin=mixed) == (0, mixed, "")
    assert licet("audit", "export", "-", "--tenant", "zenith", stdin=mixed).out == (
        filled(2, tenant="zenith").text()
    )
    code, _, err = licet("audit", "export", "-", stdin="{}\n")
    assert (code, err) == (
        2,
        "licet audit: line 1 is no entry: it does not begin and end as a line of an export does\n",
    )


def test_a_hostile_tenant_does_no_harm_to_a_terminal(licet, folder):
    text = filled(1, tenant="a\x1b[2J\u202eb").text()
    out = licet("audit", "verify", "-", stdin=text).out
    assert out.startswith("tenant a\\u{1b}[2J\\u{202e}b: number 1")


def test_other_tenants_are_left_out(licet, folder):
    mixed = filled(3).text() + filled(2, tenant="zenith").text().replace('"n": 1', '"n": 2')
    assert licet("audit", "verify", "-", stdin=mixed).code == 1
    assert licet("audit", "verify", "-", "--tenant", "acme", stdin=mixed).code == 0
