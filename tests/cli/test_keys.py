"""`licet keys …` on a real database, and the service that takes what it made."""

import json

import pytest

from licet.adapters.stores import open_store
from support.serving import ask, close, serve


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "licet.toml").write_text('[service]\ndatabase = "sqlite:///state.db"\n', "utf-8")
    return tmp_path


def entries():
    store = open_store("sqlite:///state.db")
    found = [json.loads(entry.text) for entry in store.audit("one", 0, 100)]
    store.close()
    return [entry["body"] for entry in found if entry["kind"] == "key"]


def create(licet, *more):
    return licet("keys", "create", "desk", "--tenant", "one", "--role", "host", *more)


def test_a_key_from_its_making_to_its_end(licet, folder):
    code, out, err = create(licet, "--principal", '{"id": "a1"}', "--tools", "look*")
    assert (code, err) == (0, "the key `desk` of the tenant `one`, shown this once:\n")
    made = out.strip()
    app = serve(folder, telemetry={"logs": False})

    def status(key):
        headers = {"X-API-Key": key}
        body = {"tool": "lookup", "args": {"order_id": "R1"}}
        return ask(app, "POST", "/v1/check", headers=headers, json=body).status_code

    assert status(made) == 200
    code, out, err = licet("keys", "rotate", "desk", "--tenant", "one", "--overlap", "60")
    assert (code, err.splitlines()[-1]) == (0, "older secrets end in 60 s")
    assert (status(made), status(out.strip())) == (200, 200)
    code, out, err = licet("keys", "list", "--tenant", "one")
    assert (code, err) == (0, "")
    head, *rest = out.splitlines()
    assert head == "desk  host"
    assert rest[:2] == ['  principal {"id": "a1"}', '  tools ["look*"]']
    assert [line.partition(", ")[2][:7] for line in rest[2:]] == ["ends 20", "no end"]
    assert made not in out
    assert licet("keys", "revoke", "desk", "--tenant", "one").code == 0
    assert licet("keys", "list", "--tenant", "one", "--output", "json").out == ""
    close(app)
    assert [body["event"] for body in entries()] == ["created", "rotated", "revoked"]
    assert all(body["by"].startswith("licet keys, ") for body in entries())


def test_the_operator_gives_roles_by_which_people_decide(licet, folder):
    for role in ("approver", "policy_author", "administrator"):
        assert licet("keys", "create", role, "--role", role).code == 0


CANNOT = (
    (("create", "a b", "--role", "host"), "names are 1 to 100"),
    (("create", "a", "--role", "root"), "`roles"),
    (("create", "a", "--role", "host", "--principal", "{"), "--principal is not exact JSON"),
    (("create", "a", "--role", "host", "--expires", "2020-01-01T00:00:00Z"), "expired already"),
    (("create", "a", "--role", "host", "--expires", "2030-01-01"), "time zone"),
    (("create", "a"), "required: --role"),
    (("rotate", "desk", "--tenant", "one", "--overlap", "-1"), "an overlap is of"),
    (("rotate", "desk"), "the tenant `default` has no key `desk`"),
    (("revoke", "other", "--tenant", "one"), "the tenant `one` has no key `other`"),
    (("list", "--database", "sqlite:///missing.db"), "no such file"),
    (("list", "--database", "postgresql://u:secret@127.0.0.1:9/x"), "cannot read"),
    (("list", "--database", "mysql://x"), "no store has such a URL"),
)


def test_what_cannot_be_done(licet, folder):
    assert create(licet).code == 0
    for arguments, said in CANNOT:
        code, out, err = licet("keys", *arguments)
        assert (code, out) == (2, ""), arguments
        assert said in err
        assert "secret" not in err


def test_the_same_name_twice(licet, folder):
    assert create(licet).code == 0
    assert create(licet).err.startswith("licet keys: there is a key `desk` already")


def test_nothing_is_made_for_who_only_looks(licet, folder):
    assert licet("keys", "list").code == 2
    assert not (folder / "state.db").exists()
