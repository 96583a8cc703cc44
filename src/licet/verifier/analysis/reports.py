"""What analyses found, as diagnostics: one form for text, JSON, SARIF and annotations alike."""

from __future__ import annotations

from licet.policy_lang import Diagnostic, Note, Severity

from .proving import Proved


def proof_finding(proved: Proved) -> Diagnostic | None:
    """What is to be said of a proof on one tool; None where it is proved."""
    name, tool, proof = proved.proof.name, proved.tool, proved.proof
    match proved.status:
        case "proved" if proved.vacuous:
            return Diagnostic(
                "LIC404",
                f"`{name}` says nothing of `{tool}`: no call of it fits the condition",
                proof.span,
                Severity.warning,
                help="compare the condition with the types and ranges of the arguments",
            )
        case "proved":
            return None
        case "bounded":
            return Diagnostic(
                "LIC402",
                f"`{name}` holds on `{tool}` for lists of up to {proved.elements} elements, "
                "which is no proof",
                proof.span,
                Severity.warning,
                help="raise `list_bound`, or bound the list: `length(xs) <= 4` in a rule",
            )
        case "unknown":
            return Diagnostic(
                "LIC403",
                f"`{name}` could not be decided on `{tool}`: {proved.reason}",
                proof.span,
                help="give the solver more time (`seconds`), or state the claim more simply",
            )
        case "failed":
            pass
    if proof.mode == "can":
        extent = (
            "which is proved"
            if proved.elements is None
            else f"with lists of up to {proved.elements} elements"
        )
        return Diagnostic(
            "LIC401",
            f"`{name}` fails: no such call of `{tool}` can be allowed, {extent}",
            proof.span,
            help="permit it, or look for the forbid that it meets with `licet check`",
        )
    assert proved.witness is not None
    verb = "is allowed, or may be approved" if proof.mode == "never" else "is not always allowed"
    return Diagnostic(
        "LIC401",
        f"`{name}` fails: a call of `{tool}` {verb}",
        proof.span,
        notes=(Note(f"for example {proved.witness}"),),
        help="change the rules, or what the proof claims",
    )
