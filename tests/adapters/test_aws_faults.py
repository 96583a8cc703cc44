"""AWS's own examples of some services, with seeded faults: what botocore's models forbid is caught,
what they allow passes, and a misspelt operation is answered with the right one."""

from __future__ import annotations

import copy
import json
import random
import string
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from licet import Guard
from licet.adapters.catalogs import aws
from licet.compiler.catalog import Catalog

botocore = pytest.importorskip("botocore")
from botocore.loaders import Loader  # noqa: E402

pytestmark = pytest.mark.slow

SERVICES = ("dynamodb", "iam", "kms", "lambda", "organizations")
SEED = 20
WRONG: Mapping[str, tuple[object, ...]] = {
    "string": (5, True, ["a"], {"a": 1}),
    "integer": ("5", True, 1.5, []),
    "long": ("5", True, 2.25, {}),
    "boolean": ("true", 1, 0),
    "double": ("1.0", True),
    "list": ("a", {"a": 1}),
    "map": ("a", ["x"]),
    "structure": ("a", [1]),
    "timestamp": (True, "yesterday", []),
    "blob": (5, ["a"]),
}
Site = tuple[tuple[str | int, ...], Mapping[str, Any]]


def sites(shapes: Mapping[str, Any], name: str, value: Any, path: Any = ()) -> Iterator[Site]:
    """Every part of some arguments, with its shape."""
    shape = shapes[name]
    yield path, shape
    match shape["type"]:
        case "structure":
            for key, inner in value.items():
                yield from sites(shapes, shape["members"][key]["shape"], inner, (*path, key))
        case "list":
            for place, inner in enumerate(value):
                yield from sites(shapes, shape["member"]["shape"], inner, (*path, place))
        case "map":
            for key, inner in value.items():
                yield from sites(shapes, shape["value"]["shape"], inner, (*path, key))


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def faults(found: list[Site], args: Any) -> Iterator[tuple[str, tuple[str | int, ...], object]]:
    """What may be put where, so that the call is wrong; None: the part is left out."""
    for path, shape in found:
        if shape["type"] == "structure":
            for name in shape.get("required", ()):
                yield "missing", (*path, name), None
            yield "unknown", (*path, "NoSuchThing"), "x"
        if not path:
            continue
        value = at(args, path)
        for wrong in WRONG.get(shape["type"], ()):
            yield "type", path, wrong
        if shape.get("enum"):
            yield "enum", path, f"{value}_X"
        elif shape["type"] == "string":
            if 0 < shape.get("max", 0) < 10_000:
                yield "long", path, "a" * (shape["max"] + 1)
            if shape.get("min"):
                yield "short", path, "a" * (shape["min"] - 1)
        elif shape["type"] in ("integer", "long"):
            for end, more in (("min", -1), ("max", 1)):
                if end in shape:
                    yield "range", path, shape[end] + more


def edited(name: str, source: random.Random) -> str:
    """The name with one letter put in, left out, changed, or two exchanged."""
    place, letter = source.randrange(len(name)), source.choice(string.ascii_letters)
    before, here, after = name[:place], name[place], name[place + 1 :]
    return source.choice(
        (
            before + letter + here + after,
            before + after,
            before + letter + after,
            before + after[:1] + here + after[1:],
        )
    )


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    path = tmp_path_factory.mktemp("aws") / "p.licet"
    path.write_text("permit real_calls on any\n", "utf-8")
    catalog = Catalog(sources=tuple(aws.service(name) for name in SERVICES))
    with Guard.load(path, catalog=catalog) as guard:
        yield guard


@pytest.fixture(scope="module")
def examples(guard: Guard) -> list[tuple[str, str, dict[str, Any], list[Site]]]:
    """Service, operation, arguments of AWS's own examples, where the model takes them."""
    loader = Loader(
        extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False
    )
    found = []
    refused = []
    for service in SERVICES:
        model = loader.load_service_model(service, "service-2")
        latest = loader.determine_latest_version(service, "examples-1")
        described = loader.load_data(f"{service}/{latest}/examples-1")["examples"]
        for operation, each in described.items():
            for example in each[:1]:
                args = json.loads(json.dumps(example.get("input") or {}))  # plain classes
                if not guard.check({"tool": f"{service}.{operation}", "args": args}).allowed:
                    refused.append((service, operation))
                    continue
                shape = model["operations"][operation].get("input", {}).get("shape")
                parts = list(sites(model["shapes"], shape, args)) if shape else []
                found.append((service, operation, args, parts))
    # The model's patterns take neither the name of its cluster nor its UUID.
    assert refused == [("kms", "CreateCustomKeyStore"), ("lambda", "UpdateEventSourceMapping")]
    return found


def test_seeded_faults_are_caught(guard: Guard, examples: Any) -> None:
    source = random.Random(SEED)
    passed, kinds = [], set()
    for service, operation, args, parts in examples:
        possible = list(faults(parts, args))
        for kind, path, wrong in source.sample(possible, min(4, len(possible))):
            faulty = copy.deepcopy(args)
            if wrong is None:
                del at(faulty, path[:-1])[path[-1]]
            else:
                at(faulty, path[:-1])[path[-1]] = wrong
            verdict = guard.check({"tool": f"{service}.{operation}", "args": faulty})
            kinds.add(kind)
            if verdict.kind != "bad_argument":
                passed.append((service, operation, path, wrong))
    assert passed == []
    assert kinds == {"missing", "unknown", "type", "enum", "long", "short", "range"}


def test_misspelt_operations_are_answered_with_the_right_ones(guard: Guard, examples: Any) -> None:
    source = random.Random(SEED)
    known = guard.program.catalog.qualified
    asked = missed = 0
    for service, operation, args, _ in examples[::3]:
        twice = edited(edited(operation, source), source)
        other = source.choice(SERVICES)
        for name in (
            f"{service}.{twice}",
            f"{other}.{operation}",
            f"{service}.{operation.lower()}",
        ):
            if name in known:
                continue
            (violation,) = guard.check({"tool": name, "args": args}).violations
            assert violation.kind == "unknown_tool"
            asked += 1
            named = [each.partition(".")[2] for each in violation.suggestions]
            missed += operation not in named
    assert asked > 100
    assert missed <= asked * 0.05
