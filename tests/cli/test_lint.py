"""`licet lint`: exit codes, configuration, mending, the lock."""

from __future__ import annotations

import json

import pytest

FAULTY = """\
# what may be refunded
const most = 500  # not used
tool refund(amount: Decimal in 0 .. 10_000 step 0.01)
permit refunds on refund
forbid large on refund when args.amount > 500
forbid larger on refund when args.amount > 900
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "p.licet").write_text(FAULTY, "utf-8")
    return tmp_path


def test_text_and_thresholds(licet, folder):
    code, out, err = licet("lint", "p.licet")
    assert (code, err) == (0, "")
    assert out == (
        "warning[LIC426]: the const `most` is not used\n"
        " --> p.licet:2:1\n"
        "  |\n"
        "2 | const most = 500  # not used\n"
        "  | ^^^^^^^^^^^^^^^^\n"
        "  = help: use it, or take it out\n"
        "\n"
        "warning[LIC412]: `larger` changes nothing: `large` forbids it already\n"
        " --> p.licet:6:1\n"
        "  |\n"
        "6 | forbid larger on refund when args.amount > 900\n"
        "  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  = note: `large` is here\n"
        " --> p.licet:5:1\n"
        "  |\n"
        "5 | forbid large on refund when args.amount > 500\n"
        "  | ---------------------------------------------\n"
        "  = help: leave it out, or change what it is meant to add\n"
        "\n"
        "2 warnings\n"
    )
    assert licet("lint", "p.licet", "--fail-on", "warning").code == 1
    assert licet("lint", "p.licet", "--fail-on", "never").code == 0


def test_json(licet, folder):
    code, out, _ = licet("lint", "p.licet", "--output", "json")
    assert code == 0
    assert [json.loads(line)["code"] for line in out.splitlines()] == ["LIC426", "LIC412"]


def test_a_policy_that_does_not_load_is_linted_too(licet, folder):
    (folder / "p.licet").write_text("permit x on nothing\n", "utf-8")
    code, out, _ = licet("lint", "p.licet")
    assert (code, "LIC106" in out) == (1, True)
    assert licet("lint", "missing.licet").code == 2
    assert licet("lint").code == 2


def test_fix_takes_out_what_is_not_used_and_nothing_else(licet, folder):
    licet("lint", "p.licet", "--fix")
    assert (folder / "p.licet").read_text("utf-8") == FAULTY.replace(
        "const most = 500  # not used\n", ""
    )


def test_the_project_decides_what_counts(licet, folder):
    (folder / "licet.toml").write_text(
        """
[lint]
paths = ["p.licet"]
seconds = 5
list_bound = 2

[lint.severity]
LIC426 = "error"

[[lint.ignore]]
code = "LIC412"
file = "p.licet"
reason = "says more plainly what is refused"
""",
        "utf-8",
    )
    code, out, _ = licet("lint")
    assert code == 1
    assert [line for line in out.splitlines() if "LIC" in line] == [
        "error[LIC426]: the const `most` is not used"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[lint]\nunknown = 1",
        "[lint]\npaths = 1",
        "[lint]\nseconds = 'x'",
        "[lint]\nlist_bound = 1.5",
        "[lint]\nlist_bound = 100",
        "[lint.severity]\nLIC999 = 'off'",
        "[lint.severity]\nLIC412 = 'loud'",
        "[[lint.ignore]]\ncode = 'LIC412'\nfile = 'p.licet'",
        "[[lint.ignore]]\ncode = 'LIC412'\nfile = 'p.licet'\nreason = ' '",
        "[lint]\npaths = ['../other']",
        "[lint]\npaths = ['/etc']",
        "lint = 1",
        "[lint",
    ],
)
def test_a_wrong_configuration_is_refused(licet, folder, text):
    (folder / "licet.toml").write_text(text, "utf-8")
    assert licet("lint", "p.licet").code == 2


def test_what_keeps_a_policy_from_loading_cannot_be_let_pass(licet, folder):
    (folder / "p.licet").write_text("permit x on nothing\n", "utf-8")
    (folder / "licet.toml").write_text("[lint.severity]\nLIC106 = 'off'\n", "utf-8")
    assert licet("lint", "p.licet").code == 1


def test_a_lock_that_cannot_be_read_is_refused(licet, folder):
    (folder / "licet.lock").write_text("{}", "utf-8")
    assert licet("lint", "p.licet").code in (1, 2)


def test_fix_does_not_write_through_links(licet, tmp_path, folder):
    project = tmp_path / "project"
    project.mkdir()
    (project / "licet.toml").write_text("", "utf-8")
    (project / "q.licet").symlink_to(folder / "p.licet")
    assert licet("lint", project, "--fix").code == 1
    assert (folder / "p.licet").read_text("utf-8") == FAULTY
