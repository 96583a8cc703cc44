"""`licet lsp` without its library; with it, see tests/service/test_lsp.py."""

import sys


def test_it_says_what_to_install(licet, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygls", None)
    assert licet("lsp") == (
        2,
        "",
        "licet lsp: the language server needs a library: pip install 'licet[lsp]'\n",
    )
