"""A compiled policy: what the passes of `pipeline` hand to the engines and to the guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

from licet.policy_lang import Span, ast

from .catalog import Catalog
from .history import Index
from .ir import Expr, FactSignature, Let, ToolRules
from .types import RecordType, Type, Value
from .world import UNKNOWN, Unknown


@dataclass(frozen=True, slots=True)
class GivenValues:
    """What a test's `given` says, as run-time values (see `types`); UNKNOWN where nothing is said.

    `facts[name][keys]` is a value, None for `absent`, or UNKNOWN; `now` is UNKNOWN if not given.
    """

    principal: dict[str, Value] = field(default_factory=dict)
    context: dict[str, Value] = field(default_factory=dict)
    session: dict[str, Value] = field(default_factory=dict)
    facts: dict[str, dict[tuple[Value, ...], Value]] = field(default_factory=dict)
    now: int | Unknown = UNKNOWN


@dataclass(frozen=True, slots=True)
class TestStep:
    """One call of a test and the verdict that it must get.

    `tool` is the qualified name; `args` is JSON data as a model would send it, not yet admitted.
    `rules`: exactly the rules that fired, None where the test does not say. An allowed call then
    ends as `ending` says, with `result` as JSON data (None: no answer).
    """

    given: GivenValues
    tool: str
    args: dict[str, object]
    outcome: Literal["allow", "deny", "escalate"]
    rules: tuple[str, ...] | None
    ending: Literal["ok", "error", "pending", "cancelled"]
    result: object
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TestCase:
    """A `test` block, its calls in order (they share history); run by `verifier.testing`."""

    name: str
    declaration: ast.TestDecl
    span: Span = field(compare=False, repr=False)
    steps: tuple[TestStep, ...] = ()


@dataclass(frozen=True, slots=True)
class ProofTool:
    """What a `prove` says of one tool, by its qualified name; `condition` is of type Bool. A call
    that lacks what `lets` bind (`after`, where the condition reads it) does not fit."""

    tool: str
    condition: Expr
    lets: tuple[Let, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """A `prove`: what it claims of each of its tools; `verifier.analysis` decides it."""

    name: str
    mode: Literal["never", "always", "can"]
    tools: tuple[ProofTool, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Program:
    """A policy that has been checked and is ready to decide.

    `rules` has an entry for every tool of the catalog, by qualified name, empty ones included;
    they are put together when they are asked for. `adjustable` gives, by qualified tool, the
    argument paths that a repair may change (no entry: the default of the language). `shown` holds
    paths such as ("principal", "role") and ("reservation", "cabin"). `digest` covers sources,
    params, tables and zone; `catalog.digest` the catalog. `history` holds what
    rules read of earlier calls, by the name of the look-up. `files` holds the syntax of every file
    by its name; those that are only imported are `imported`. `observe_until` is what the project
    says of its guards; `Guard.load` and the doors heed it, tests and proofs are of what is
    enforced.
    """

    name: str
    zone: str
    catalog: Catalog
    principal: RecordType
    context: RecordType
    session: RecordType
    facts: Mapping[str, FactSignature]
    rules: Mapping[str, ToolRules]
    params: Mapping[str, Value]
    unset_params: Mapping[str, Type]
    shown: frozenset[tuple[str, ...]]
    adjustable: Mapping[str, tuple[tuple[str, ...], ...]]
    tests: tuple[TestCase, ...]
    digest: str
    history: Mapping[str, Index] = field(default_factory=dict)
    proofs: tuple[Proof, ...] = ()
    files: Mapping[str, ast.File] = field(default_factory=dict, repr=False, compare=False)
    imported: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    observe_until: datetime | None = None

    @cached_property
    def signatures(self) -> Mapping[str, FactSignature]:
        """All that rules look up by keys: the host's facts, and the history's values."""
        return {**self.facts, **{name: index.signature for name, index in self.history.items()}}
