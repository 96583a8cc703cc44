"""`licet approvals …`: at a store, at the hooks' store of a policy, at a service."""

import json
import threading

import pytest
import uvicorn

from licet import Guard
from licet.adapters.hooks.door import HookDoor
from licet.adapters.hooks.own_files import OwnFiles
from support.hook_process import POLICY as CODING
from support.hook_process import Hook
from support.serving import POLICY, close, key, serve
from support.shop import args, refund

LARGE = args(order_id="R1", amount=190)
BOSS = '{"id": "boss", "role": "manager"}'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.licet").write_text(POLICY, "utf-8")
    return tmp_path


@pytest.fixture
def guard(folder):
    with Guard.load("shop.licet", store="sqlite:///state.db", seconds=20.0) as guard:
        yield guard
        guard.store.close()


def wait(guard, **changes):
    call = refund(args=LARGE, **changes)
    del call["now"]
    asked = guard.check(call)
    assert asked.outcome == "escalate"
    return asked.approval, call


def test_at_a_store(licet, guard):
    id, call = wait(guard)
    code, out, err = licet("approvals", "list", "sqlite:///state.db")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"{id}  open  ")
    assert lines[1] == '  args {"amount": 190, "order_id": "R1"}'
    assert lines[2] == '  for {"id": "a1", "role": "manager"}, session ""'
    assert lines[3].startswith("  large: ")
    assert lines[3].endswith("(0 of 1)")
    code, out, err = licet(
        "approvals", "approve", id, "sqlite:///state.db", "--policy", "shop.licet", "--as", BOSS
    )
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(f"{id}  approved  ")
    assert "agreed: boss" in out
    assert licet("approvals", "list", "sqlite:///state.db").out == "nothing waits\n"
    shown = licet("approvals", "show", id, "sqlite:///state.db", "--output", "json").out
    assert json.loads(shown)["state"] == "approved"
    assert guard.check(call).allowed
    events = [json.loads(entry.text) for entry in guard.store.audit("default", 0, 100)]
    said = [e["body"] for e in events if e["kind"] == "approval"]
    assert [(b["event"], b.get("by")) for b in said] == [
        ("asked", None),
        ("approved", "boss"),
        ("used", None),
    ]


def test_answers_that_do_not_count(licet, guard):
    behind = {"id": "a1", "role": "manager", "on_behalf_of": "ana"}
    id, call = wait(guard, principal=behind)
    for person, why in (
        ('{"id": "a1", "role": "manager"}', "a1 stands behind this call"),
        ('{"id": "ana", "role": "manager"}', "ana stands behind this call"),
        ('{"id": "clerk", "role": "support"}', "clerk is not one of those whom the policy asks"),
        ('{"role": "manager"}', "`approver.id`"),
        ('{"id": "boss", "role": "manager", "root": true}', "`approver.root`"),
    ):
        where = (id, "sqlite:///state.db", "--policy", "shop.licet", "--as", person)
        code, out, err = licet("approvals", "approve", *where)
        assert (code, out) == (1, "")
        assert why in err
    assert not guard.check(call).allowed


def test_who_answers_is_said(licet, guard):
    id, _ = wait(guard)
    at = (id, "sqlite:///state.db")
    for more, said in (
        ((), "say who answers: --as"),
        (("--as", BOSS), "say which policy holds there"),
        (("--as", "boss", "--policy", "shop.licet"), "--as is not exact JSON"),
        (("--as", "[]", "--policy", "shop.licet"), "--as is an object"),
    ):
        code, out, err = licet("approvals", "approve", *at, *more)
        assert (code, out) == (2, "")
        assert said in err
    assert licet("approvals", "show", *at).out.startswith(f"{id}  open")


def test_another_policy_or_tenant_answers_nothing(licet, folder, guard):
    id, _ = wait(guard)
    (folder / "other.licet").write_text(POLICY + "forbid all on refund\n", "utf-8")
    at = ("sqlite:///state.db", "--policy", "other.licet", "--as", BOSS)
    code, _, err = licet("approvals", "approve", id, *at)
    assert code == 1
    assert "the policy has changed since" in err
    code, _, err = licet("approvals", "reject", id, *at, "--tenant", "two")
    assert (code, f"there is no approval `{id}`" in err) == (2, True)
    assert licet("approvals", "list", "sqlite:///state.db", "--tenant", "two").code == 0
    assert guard.store.tenants() == ["default"]


def test_a_models_words_do_no_harm(licet, guard):
    call = refund(args=args(amount=190, note="\x1b[31m\u202e" + "x" * 400))
    del call["now"]
    id = guard.check(call).approval
    out = licet("approvals", "list", "sqlite:///state.db").out
    assert "\x1b" not in out
    assert "…" in out
    full = licet("approvals", "show", id, "sqlite:///state.db").out
    assert "x" * 400 in full
    assert "\u202e" not in full


def test_of_a_coding_agents_hooks(licet, folder):
    (folder / "agent.licet").write_text(CODING, "utf-8")
    (folder / "licet.toml").write_text('[hook]\nstore = "sqlite:///hooks.db"\n', "utf-8")
    with Guard.load("agent.licet", store="sqlite:///hooks.db", seconds=20.0) as guard:
        door = HookDoor(guard, own=OwnFiles(()))
        page = {"url": "https://example.net/", "prompt": "p"}
        hook = Hook(folder, folder)
        door.answer("claude-code", hook.event("WebFetch", page))
        (waiting,) = guard.pending()
        assert licet("approvals", "list", "agent.licet").out.startswith(waiting.id)
        lead = ("--as", '{"id": "ana", "role": "lead"}')
        assert licet("approvals", "approve", waiting.id, "agent.licet", *lead).code == 0
        assert door.answer("claude-code", hook.event("WebFetch", page, "t2")) == {}
        guard.store.close()
    assert licet("approvals", "list", "missing.licet").code == 2


@pytest.fixture
def service(folder):
    """The service on a socket."""
    app = serve(folder)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    with server.config.bind_socket() as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield app, f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()
    close(app)


def test_at_a_service(licet, service, monkeypatch):
    app, url = service
    with app.state.service.guards.lease("one") as guard:
        id, _ = wait(guard)
    monkeypatch.delenv("LICET_KEY", raising=False)
    code, _, err = licet("approvals", "list", url)
    assert (code, "LICET_KEY" in err) == (2, True)
    monkeypatch.setenv("LICET_KEY", key("host"))
    assert licet("approvals", "list", url).out.startswith(id)
    code, _, err = licet("approvals", "approve", id, url)
    assert (code, "none of the roles" in err) == (2, True)
    monkeypatch.setenv("LICET_KEY", key("approver"))
    for flag, value in (("--as", BOSS), ("--tenant", "two"), ("--policy", "shop.licet")):
        code, _, err = licet("approvals", "approve", id, url, flag, value)
        assert (code, f"no {flag}" in err) == (2, True)
    code, out, err = licet("approvals", "approve", id, url)
    assert (code, err) == (0, "")
    assert "agreed: one-approver" in out
    code, _, err = licet("approvals", "reject", id, url)
    assert (code, "approved already" in err) == (1, True)
    assert licet("approvals", "show", "00-00", url).code == 2
    monkeypatch.setenv("LICET_KEY", "licet_nobodys")
    assert licet("approvals", "list", url).code == 2
