"""`licet audit` on a store: it reads what is there, and finds what was done behind its back."""

import sqlite3

import pytest

from licet.verifier.audit import Recorder
from support.audit_log import settlement

stores = pytest.importorskip("licet.adapters.stores")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With a store of two tenants, five entries each."""
    monkeypatch.chdir(tmp_path)
    store = stores.open_store("sqlite:///state.db")
    recorder = Recorder()
    for tenant in ("acme", "zenith"):
        for number in range(5):
            with store.begin(tenant) as tx:
                recorder.append(tx, "settlement", settlement(number))
    store.close()
    return tmp_path


def behind_its_back(folder, statement):
    with sqlite3.connect(folder / "state.db") as database:
        assert database.execute(statement).rowcount > 0
    database.close()


def test_a_whole_store_and_its_export(licet, folder):
    code, out, err = licet("audit", "verify", "sqlite:///state.db")
    assert (code, err) == (0, "")
    assert "whole: 10 entries, none changed or missing\n" in out
    exported = licet("audit", "export", "sqlite:///state.db")
    assert len(exported.out.splitlines()) == 10
    assert licet("audit", "verify", "-", stdin=exported.out).out == out
    one = licet("audit", "export", "sqlite:///state.db", "--tenant", "zenith").out
    assert one == "".join(exported.out.splitlines(keepends=True)[5:])


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("delete from licet_audit where seq = 3", "missing"),
        ("delete from licet_audit where seq > 3", "truncated"),
        ("update licet_audit set text = replace(text, '\"n\": 2', '\"n\": 3')", "changed"),
        ("update licet_audit set seq = seq + 10 where seq = 5", "changed"),
    ],
)
def test_what_was_done_behind_its_back(licet, folder, statement, fault):
    """Even without checkpoints: by somebody who left the hashes and the store's count alone."""
    behind_its_back(folder, statement)
    code, out, err = licet("audit", "verify", "sqlite:///state.db")
    assert (code, err) == (1, "")
    assert out.startswith(f"{fault}: tenant acme")


def test_a_tenant_that_is_not_there(licet, folder):
    said = "licet audit: there is no tenant `nobody` in the store\n"
    assert licet("audit", "verify", "sqlite:///state.db", "--tenant", "nobody") == (2, "", said)


def test_no_store_is_made_by_looking(licet, folder):
    assert licet("audit", "verify", "sqlite:///other.db").code == 2
    assert not (folder / "other.db").exists()
    assert licet("audit", "verify", "mysql://x").code == 2
