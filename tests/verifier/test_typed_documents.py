"""Parts of a document read as records: what is declared is checked, what is not is dropped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from licet import Guard

POLICY = """
record Port { number: Int in 1 .. 65535, name: String? }
record Container { name: String, image: String, ports: List<Port>? }
param wanted: Container?
tool admit(object: Json)
permit all on admit
define containers = args.object.containers as List<Container> ?? []
forbid low on admit
  when any(c in containers: any(p in c.ports ?? []: p.number < 1024))
  message "{c.name}: port {p.number}"
forbid same on admit
  when any(c in containers: has wanted and c == wanted)
"""

NUMBER = "`args.object.containers[0].ports[0].number` must be a whole number"


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    policy = tmp_path_factory.mktemp("policy") / "typed.licet"
    policy.write_text(POLICY, "utf-8")
    wanted = {"name": "w", "image": "x"}
    with Guard.load(policy, engine="both", params={"wanted": wanted}) as guard:
        yield guard


@pytest.mark.parametrize(
    ("container", "messages"),
    [
        ({"name": "a", "image": "i", "env": [], "ports": [{"number": 8080, "tls": True}]}, []),
        ({"name": "a", "image": "i", "ports": [{"number": 80, "tls": True}]}, ['"a": port 80']),
        ({"name": "w", "image": "x", "env": []}, ["same forbids this call"]),
        ({"name": "a"}, ["`args.object.containers[0].image` must be String, not nothing"]),
        (
            {"name": "a", "image": "i", "ports": [{"number": 0}]},
            [f"{NUMBER} in 1 .. 65535, not 0"],
        ),
        (
            {"name": "a", "image": "i", "ports": [{"number": 5.5}]},
            [f"{NUMBER} in 1 .. 65535, not 5.5"],
        ),
        (
            {"name": "a", "image": "i", "ports": [{"number": "80"}]},
            [f'{NUMBER} in 1 .. 65535, not the text "80"'],
        ),
        (
            {"name": "a", "image": "i", "ports": [{"number": True}]},
            [f"{NUMBER} in 1 .. 65535, not true"],
        ),
        (
            {"name": ["a"], "image": "i"},
            ["`args.object.containers[0].name` must be String, not a list"],
        ),
    ],
)
def test_containers(guard: Guard, container: object, messages: list[str]) -> None:
    verdict = guard.check({"tool": "admit", "args": {"object": {"containers": [container]}}})
    assert [violation.message for violation in verdict.violations] == messages
