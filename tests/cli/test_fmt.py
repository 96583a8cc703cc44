"""`licet fmt`: which files it touches, which it never touches, and what it says."""

import os
import stat

import pytest

UNTIDY = "permit   a on any # why\n"
TIDY = "permit a on any  # why\n"
WRONG = "permit a onb any\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_formatted_in_place(licet, folder):
    file = folder / "a.licet"
    file.write_text(UNTIDY)
    file.chmod(0o640)
    assert licet("fmt", "a.licet") == (0, "", "formatted a.licet\n1 file formatted\n")
    assert file.read_text() == TIDY
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert names(folder) == ["a.licet"]
    assert licet("fmt", "a.licet") == (0, "", "1 file left as it is\n")


def test_a_file_that_is_tidy_is_not_written(licet, folder):
    file = folder / "a.licet"
    file.write_text(TIDY)
    os.utime(file, (1, 1))
    licet("fmt", "a.licet")
    assert file.stat().st_mtime == 1


def test_a_link_goes_on_pointing_at_its_file(licet, folder):
    (folder / "real.licet").write_text(UNTIDY)
    (folder / "link.licet").symlink_to("real.licet")
    licet("fmt", "link.licet")
    assert (folder / "link.licet").is_symlink()
    assert (folder / "real.licet").read_text() == TIDY


def test_a_folder_stands_for_its_policies(licet, folder):
    (folder / "p" / "deep").mkdir(parents=True)
    (folder / "p" / ".hidden").mkdir()
    for name in ("b.licet", "deep/a.licet", ".hidden/c.licet", "notes.txt"):
        (folder / "p" / name).write_text(UNTIDY)
    assert licet("fmt", "p") == (
        0,
        "",
        "formatted p/b.licet\nformatted p/deep/a.licet\n2 files formatted\n",
    )
    assert (folder / "p" / ".hidden" / "c.licet").read_text() == UNTIDY
    assert (folder / "p" / "notes.txt").read_text() == UNTIDY


def test_a_folder_without_policies_is_a_mistake(licet, folder):
    assert licet("fmt", ".") == (2, "", "licet fmt: there is no .licet file in `.`\n")


def test_check_writes_nothing(licet, folder):
    (folder / "a.licet").write_text(UNTIDY)
    (folder / "b.licet").write_text(TIDY)
    assert licet("fmt", "--check", ".") == (
        1,
        "",
        "would format a.licet\n1 file would be formatted, 1 file left as it is\n",
    )
    assert (folder / "a.licet").read_text() == UNTIDY
    assert licet("fmt", "--check", "b.licet") == (0, "", "1 file left as it is\n")


def test_diff_shows_what_would_change(licet, folder):
    (folder / "a.licet").write_text(UNTIDY)
    assert licet("fmt", "--diff", "a.licet") == (
        1,
        (
            "--- a.licet (as it is)\n"
            "+++ a.licet (formatted)\n"
            "@@ -1,2 +1,2 @@\n"
            "-permit   a on any # why\n"
            "+permit a on any  # why\n"
            " \n"
        ),
        "1 file would be formatted\n",
    )
    assert (folder / "a.licet").read_text() == UNTIDY


def test_a_file_with_syntax_errors_is_not_touched_and_the_others_are(licet, folder):
    (folder / "a.licet").write_text(WRONG)
    (folder / "b.licet").write_text(UNTIDY)
    code, out, err = licet("fmt", ".")
    assert (code, out) == (2, "")
    assert err.startswith("error[LIC005]: ")
    assert err.endswith("formatted b.licet\n1 file formatted, 1 file not touched\n")
    assert (folder / "a.licet").read_text() == WRONG
    assert (folder / "b.licet").read_text() == TIDY


def test_text_that_is_not_utf_8_is_not_touched(licet, folder):
    (folder / "a.licet").write_bytes(b"permit a on any\n# \xff\n")
    assert licet("fmt", "a.licet") == (
        2,
        "",
        "licet fmt: cannot read `a.licet`: line 2 is not UTF-8 text\n1 file not touched\n",
    )


def test_line_ends_become_line_feeds(licet, folder):
    (folder / "a.licet").write_bytes(b"permit a on any\r\npermit b on any\r\n")
    assert licet("fmt", "a.licet").code == 0
    assert (folder / "a.licet").read_bytes() == b"permit a on any\npermit b on any\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_keeps_its_files(licet, folder):
    (folder / "a.licet").write_text(UNTIDY)
    folder.chmod(0o500)
    try:
        code, _, err = licet("fmt", "a.licet")
    finally:
        folder.chmod(0o700)
    assert code == 2
    assert err.startswith("licet fmt: cannot write `a.licet`: permission denied\n")
    assert (folder / "a.licet").read_text() == UNTIDY


@pytest.mark.parametrize(
    ("options", "text", "ended"),
    [
        ((), UNTIDY, (0, TIDY, "")),
        (("--check",), UNTIDY, (1, "", "")),
        (("--check",), TIDY, (0, "", "")),
    ],
)
def test_standard_input(licet, options, text, ended):
    assert licet("fmt", *options, "-", stdin=text) == ended


def test_standard_input_with_errors_gives_no_text(licet):
    code, out, err = licet("fmt", "-", stdin=WRONG)
    assert (code, out) == (2, "")
    assert err.startswith("error[LIC005]: ")
    assert " --> <stdin>:1:" in err


def test_standard_input_stands_alone(licet):
    assert licet("fmt", "-", "a.licet") == (2, "", "licet fmt: - (standard input) stands alone\n")
