"""Policies as JSON, for routes. Instants are RFC 3339; texts of others are data, never markup."""

from __future__ import annotations

from collections.abc import Mapping

from licet.compiler.clock import format_time

from ..modes import banner
from .bundle import Bundle
from .policies import Canaried, Listed, Policy, Standing
from .shelf import Activation, Ask, Canary


def standing_json(standing: Standing) -> dict[str, object]:
    """What is active, and how: with a banner while refusals are let through."""
    told: dict[str, object] = {
        "active": None if standing.activation is None else activation_json(standing.activation),
        "policy": standing.policy,
        "mode": "enforce" if standing.observes_until is None else "observe",
    }
    if standing.observes_until is not None:
        told["banner"] = banner(standing.observes_until)
    return told


def activation_json(activation: Activation) -> dict[str, object]:
    until = activation.observe_until
    return {
        "number": activation.number,
        "digest": activation.digest,
        "by": list(activation.by),
        "at": format_time(activation.at),
        "source": activation.source,
        "difference": activation.verdict,
        "before": activation.before or None,
        "observe_until": format_time(until) if until else None,
    }


def ask_json(ask: Ask) -> dict[str, object]:
    until = ask.observe_until
    return {
        "digest": ask.digest,
        "by": ask.by,
        "at": format_time(ask.at),
        "observe_until": format_time(until) if until else None,
    }


def listed_json(listed: Listed) -> dict[str, object]:
    """One bundle of a list."""
    upload = listed.upload
    return {
        "digest": upload.digest,
        "number": upload.number,
        "name": upload.name,
        "by": upload.by,
        "at": format_time(upload.at),
        "source": upload.source,
        "policy": upload.policy,
        "catalog": upload.catalog,
        "active": listed.active,
        "difference": listed.verdict,
        "compared_with": listed.compared_with or None,
        "activations": [activation_json(each) for each in listed.activations],
        "asked": None if listed.asked is None else ask_json(listed.asked),
    }


def policy_json(policy: Policy) -> dict[str, object]:
    """One bundle with its texts, and all that was found."""
    return {**listed_json(policy.listed), **bundle_json(policy.bundle), "report": policy.report}


def bundle_json(bundle: Bundle) -> Mapping[str, object]:
    """The files of a bundle; of one that is no text (a compiled catalog), its size."""
    told = bundle.plain()
    files = told["files"]
    assert isinstance(files, dict)
    shown = {
        path: text if isinstance(text, str) else {"bytes": len(bundle.files[path])}
        for path, text in files.items()
    }
    return {**told, "files": shown}


def canary_json(canary: Canary) -> dict[str, object]:
    return {"digest": canary.digest, "by": canary.by, "at": format_time(canary.at)}


def canaried_json(found: Canaried, *, with_calls: bool) -> dict[str, object]:
    """What a canary found. The calls are what the audit has: not for everybody."""
    hidden = {"n", "canary"} if with_calls else {"n", "canary", "call"}
    return {
        "canary": None if found.canary is None else canary_json(found.canary),
        "counts": dict(found.counts),
        "differences": [
            {
                name: format_time(value) if name == "at" else value
                for name, value in each.items()
                if name not in hidden
            }
            for each in found.differences
        ],
    }
