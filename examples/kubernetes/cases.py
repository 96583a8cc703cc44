"""From a row of recorded cases to what a cluster would ask, and to a deployment's params."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from licet.adapters.admission_review import ReviewError

Row = Mapping[str, Any]
Review = dict[str, Any]

_ODD = re.compile(r"[^A-Za-z0-9_]")


def params_of(row: Row, declared: frozenset[str]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The params that a policy declares, and the names of those given that it does not.

    A character that no name of a policy has is written `_`: `ephemeral-storage` is
    `ephemeral_storage`; null is not given. A policy that declares a param `parameters` gets all of
    them as one. Raises ReviewError.
    """
    parameters = _object(row["parameters"] or {}, "`parameters`")
    given = {_ODD.sub("_", name): value for name, value in parameters.items() if value is not None}
    known: dict[str, object] = {name: v for name, v in given.items() if name in declared}
    if "parameters" in declared:
        return known | {"parameters": parameters}, ()
    return known, tuple(sorted(given.keys() - declared))


def reviews_of(row: Row) -> list[Review]:
    """What the cluster asks about the row's objects, one review each. Raises ReviewError."""
    objects = row["object"]
    if not isinstance(objects, list) or not objects:
        raise ReviewError("`object` is a list of one object or more")
    return [_review(item) for item in objects]


def _review(item: object) -> Review:
    """A review in full: a recorded one completed, or one of the object's creation.

    Each is a question of its own, so that what was recorded of another one's uid does not count.
    """
    given: Mapping[str, Any] = {"operation": "CREATE", "object": item}
    if isinstance(item, dict) and item.get("kind") == "AdmissionReview":
        given = _object(item.get("request"), "`request`")
    subject = _object(given.get("object") or given.get("oldObject") or {}, "the object")
    metadata = _object(subject.get("metadata") or {}, "`metadata`")
    api_version = str(subject.get("apiVersion") or "")
    group, _, version = api_version.rpartition("/")
    request = {
        "kind": {"group": group, "version": version, "kind": subject.get("kind") or ""},
        "namespace": metadata.get("namespace") or "default",
        "name": metadata.get("name") or "",
        **given,
        "uid": str(uuid4()),
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ReviewError(f"{what} is no JSON object")
    return value


def inventory_of(row: Row) -> dict[str, object]:
    """The fact of what else the cluster has."""
    return {"inventory": [{"key": [], "value": row["inventory"] or []}]}
