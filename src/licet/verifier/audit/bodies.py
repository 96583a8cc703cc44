"""What the body of each kind of entry holds. docs/audit.md says it for the reader of an audit.

All values are JSON-able without loss: None, bool, int, Decimal, str, and lists and mappings of
these. A float is refused when the entry is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict, get_args

from licet.compiler.json_text import JsonText

Kind = Literal[
    "verdict",
    "redemption",
    "settlement",
    "expiry",
    "approval",
    "activation",
    "mode",
    "key",
    "policy",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Json = Mapping[str, object]


class Evidence(TypedDict):
    """What a verdict rests on: the engine (`z3 5.4.1`), how it came about, each rule's state."""

    engine: str
    by: Literal["evaluation", "proof", "admission"]
    states: Mapping[str, str | None]


class VerdictBody(TypedDict):
    """One call was decided. `verdict` is `Verdict.for_operator()`.

    `call` is all that the decision read, in the JSON of a call (text of it where nothing is
    redacted), with `history` (the values of aggregates: name, key, value) and `approved` (names of
    rules that somebody agreed to); None where the call could not be admitted. `digest` is that of
    the canonical arguments. In the mode `observe` the call went through whatever the outcome.
    """

    verdict: Json
    call: Json | JsonText | None
    evidence: Evidence
    digest: str
    mode: Literal["enforce", "observe"]


class RedemptionBody(TypedDict):
    """A ticket was presented. `refused` says why it was not accepted, in words of the guard that
    quote nothing of the call (they are never redacted); None: it was."""

    call: str
    nonce: str
    tool: str
    digest: str
    refused: str | None


class SettlementBody(TypedDict):
    """A call ended. `result` is what the tool answered, where it is known."""

    call: str
    nonce: str
    outcome: Literal["ok", "error", "cancelled"]
    result: NotRequired[object]


class ExpiryBody(TypedDict):
    """A reservation whose ticket was never redeemed was given back."""

    call: str
    nonce: str


class ApprovalBody(TypedDict):
    """Somebody was asked (`asked`, with what they were shown), answered, or the answer was used."""

    approval: str
    event: Literal["asked", "approved", "rejected", "used"]
    binding: str
    by: NotRequired[str]
    rules: NotRequired[Sequence[str]]
    call: NotRequired[Json]
    text: NotRequired[str]


class ActivationBody(TypedDict):
    """Another policy became the tenant's active one. `before` is empty for the first.

    Of a service also: the `bundle`, its `source` (files, upload, rollback, start), how it compares
    with what was active (`difference`), all who `agreed` where there are two, and until when it is
    observed.
    """

    policy: str
    catalog: str
    before: str
    by: NotRequired[str]
    bundle: NotRequired[str]
    source: NotRequired[str]
    difference: NotRequired[str]
    agreed: NotRequired[Sequence[str]]
    until: NotRequired[str]


class ModeBody(TypedDict):
    """The guard began to enforce, or to observe until `until` (RFC 3339)."""

    mode: Literal["enforce", "observe"]
    until: NotRequired[str]
    by: NotRequired[str]


class KeyBody(TypedDict):
    """An API key was made, renewed or ended. The rest is what it is for, as it is then; `until` is
    when the secrets before a renewal end. Never a secret, nor its hash."""

    key: str
    event: Literal["created", "rotated", "revoked"]
    by: str
    roles: NotRequired[Sequence[str]]
    principal: NotRequired[Json]
    context: NotRequired[Json]
    session: NotRequired[str]
    tools: NotRequired[Sequence[str]]
    expires: NotRequired[str]
    until: NotRequired[str]


class PolicyBody(TypedDict):
    """Somebody did something with a policy of a service's that made it no active one: sent a bundle
    (with what it compiles to, and how it compares with what was active), asked for it to be active
    while a second person has to want it too, let it decide beside the active one, or ended that."""

    bundle: str
    event: Literal["sent", "asked", "canary started", "canary ended"]
    by: str
    policy: NotRequired[str]
    catalog: NotRequired[str]
    difference: NotRequired[str]
    until: NotRequired[str]
