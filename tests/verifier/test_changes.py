"""Before and after: what a call changes is judged by both engines, and only on the host's word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from licet import Guard, Verdict

POLICY = """
record Flag {
  live: Bool, share: Decimal in 0 .. 1, owners: List<String>, note: String?, tags: Map<String, Int>
}
fact stored(name: String) -> Json?
fact flag(name: String) -> Flag?

tool apply(name: String, manifest: Json)
tool patch(name: String, operations: Json)
tool merge(name: String, patch: Json)
tool set_flag(name: String, value: Flag)

change on apply
  before stored(args.name)
  after args.manifest
change on patch
  before stored(args.name)
  after patched(before, args.operations)
change on merge
  before stored(args.name)
  after merged(before, args.patch)
change on set_flag
  before flag(args.name)
  after args.value

permit changes on any
forbid halved on apply, patch, merge
  when (after.replicas as Int ?? 1) * 2 < before.replicas as Int ?? 0
  message "From {before.replicas} to {after.replicas}."
forbid unlabelled on apply, patch, merge
  when length(removed(labels)) > 0
  message "Removes {removed(labels)}, adds {added(labels)}."
forbid odd_host on apply, patch, merge
  when any(h in added(hosts as List<String>): not (h endswith ".example"))
  message "{h}"
forbid high on merge
  when (after.args.level as Int ?? 0) > 9
forbid nothing on apply
  when before == after
forbid flips on set_flag
  when changed(live) and changed(share)
forbid disowns on set_flag
  when length(removed(owners)) > 0 or length(removed(tags)) > 0 or changed(note)
"""

WEB: dict[str, Any] = {
    "replicas": 4,
    "labels": {"app": "web", "tier": "1"},
    "hosts": ["a.example"],
}
FLAG: dict[str, Any] = {"live": True, "share": 0.5, "owners": ["ann"], "tags": {"a": 1}}
UNKNOWN = {"$unknown": True}


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    policy = tmp_path_factory.mktemp("policy") / "changes.licet"
    policy.write_text(POLICY, "utf-8")
    with Guard.load(policy, engine="both", seconds=20.0) as guard:
        yield guard


def check(guard: Guard, tool: str, before: object, **args: object) -> Verdict:
    fact = "flag" if tool == "set_flag" else "stored"
    entry = {"key": ["web"], "value": before}
    return guard.check({"tool": tool, "args": {"name": "web", **args}, "facts": {fact: [entry]}})


@pytest.mark.parametrize(
    ("manifest", "rules"),
    [
        (WEB | {"replicas": 2}, ["changes"]),
        (WEB | {"replicas": 1}, ["halved"]),
        (WEB, ["nothing"]),
        (WEB | {"labels": {"tier": "1", "app": "web"}}, ["nothing"]),
        (WEB | {"labels": {"app": "web", "tier": "2", "new": "x"}}, ["changes"]),
        (WEB | {"labels": {"app": "web"}}, ["unlabelled"]),
        (WEB | {"labels": {"app": "web", "tier": None}}, ["unlabelled"]),
        (WEB | {"labels": None}, ["unlabelled"]),
        (WEB | {"hosts": ["a.example", "b.example"]}, ["changes"]),
        (WEB | {"hosts": ["a.example", "evil.test"]}, ["odd_host"]),
        (WEB | {"hosts": []}, ["changes"]),
        (WEB | {"replicas": "4"}, ["halved"]),  # a wrong type
        (WEB | {"labels": []}, ["unlabelled"]),
        ({}, ["halved", "unlabelled"]),
    ],
)
def test_a_replacement(guard: Guard, manifest: dict[str, Any], rules: list[str]) -> None:
    assert list(check(guard, "apply", WEB, manifest=manifest).rules) == rules


@pytest.mark.parametrize(
    ("operations", "rules"),
    [
        ([], ["changes"]),
        ([{"op": "replace", "path": "/replicas", "value": 2}], ["changes"]),
        ([{"op": "replace", "path": "/replicas", "value": 1}], ["halved"]),
        ([{"op": "move", "from": "/labels/tier", "path": "/labels/level"}], ["unlabelled"]),
        ([{"op": "add", "path": "/hosts/-", "value": "evil.test"}], ["odd_host"]),
        ([{"op": "test", "path": "/replicas", "value": 5}], ["halved", "unlabelled", "odd_host"]),
        ("remove everything", ["halved", "unlabelled", "odd_host"]),
    ],
)
def test_a_patch_and_one_that_does_not_apply(
    guard: Guard, operations: object, rules: list[str]
) -> None:
    assert list(check(guard, "patch", WEB, operations=operations).rules) == rules


def test_a_merge(guard: Guard) -> None:
    assert check(guard, "merge", WEB, patch={"replicas": 3}).allowed
    verdict = check(guard, "merge", WEB, patch={"labels": {"tier": None, "new": "1"}})
    assert [v.message for v in verdict.violations] == ['Removes ["tier"], adds ["new"].']


@pytest.mark.parametrize(
    ("value", "rules"),
    [
        (FLAG | {"live": False}, ["changes"]),
        (FLAG | {"live": False, "share": 0.6}, ["flips"]),
        (FLAG | {"owners": ["bob", "ann"]}, ["changes"]),
        (FLAG | {"owners": ["bob"]}, ["disowns"]),
        (FLAG | {"tags": {"a": 2, "b": 1}}, ["changes"]),
        (FLAG | {"tags": {}}, ["disowns"]),
        (FLAG | {"note": "x"}, ["disowns"]),
    ],
)
def test_typed_documents(guard: Guard, value: object, rules: list[str]) -> None:
    assert list(check(guard, "set_flag", FLAG, value=value).rules) == rules


def test_what_was_not_there_has_changed(guard: Guard) -> None:
    assert check(guard, "apply", None, manifest={"replicas": 1}).allowed
    assert list(check(guard, "set_flag", None, value=FLAG).rules) == ["flips"]


@pytest.mark.parametrize("before", [UNKNOWN, WEB | {"replicas": UNKNOWN}], ids=["all", "part"])
def test_what_is_unknown_is_named_and_refused(guard: Guard, before: object) -> None:
    for call in ({"patch": {"replicas": 1}}, {"manifest": WEB | {"replicas": 1}}):
        verdict = check(guard, "merge" if "patch" in call else "apply", before, **call)
        assert verdict.outcome == "deny"
        assert verdict.kind in ("undetermined", "solver_unknown")  # how soon is not promised
        assert any("stored" in place for place in verdict.settle)
        assert "stored" in verdict.violations[0].message


def test_what_is_unknown_and_does_not_matter(guard: Guard) -> None:
    """No label can be added where there are none; nothing else is said of the other rules."""
    verdict = check(guard, "apply", UNKNOWN, manifest={"replicas": "4"})
    assert (verdict.outcome, verdict.kind) == ("deny", "bad_argument")


def test_the_host_alone_says_what_was_there(guard: Guard) -> None:
    """A call without the fact has no `before`, whatever its arguments hold."""
    verdict = guard.check({"tool": "merge", "args": {"name": "web", "patch": {"before": WEB}}})
    assert verdict.outcome == "deny"
    assert verdict.settle == ('stored("web")',)


def test_what_was_computed_is_no_argument_whatever_its_keys_are_called(guard: Guard) -> None:
    """The document has a key `args`, and what stands there is the host's, and hidden."""
    [told] = check(guard, "merge", {"args": {"level": "a secret"}}, patch={}).violations
    assert (told.kind, told.rule, told.path) == ("fault", "high", None)
    text = '`args.level` must be a whole number, not the text "a secret"'
    assert told.message == f"in a document that was computed, {text}"
    assert told.shown_message == "a document that high reads holds a value of the wrong type"
