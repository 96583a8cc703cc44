"""From a row of recorded cases to what a cluster would ask, and to a deployment's params."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
Review = dict[str, Any]

_ODD = re.compile(r"[^A-Za-z0-9_]")


def params_of(row: Row, declared: frozenset[str]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The params that a policy declares, and the names of those given that it does not.

    A character that no name of a policy has is written `_`: `ephemeral-storage` is
    `ephemeral_storage`. A policy that declares a param `parameters` gets all of them as one.
    """
    given = {_ODD.sub("_", name): value for name, value in (row["parameters"] or {}).items()}
    known: dict[str, object] = {name: v for name, v in given.items() if name in declared}
    if "parameters" in declared:
        return known | {"parameters": row["parameters"] or {}}, ()
    return known, tuple(sorted(given.keys() - declared))


def reviews_of(row: Row) -> list[Review]:
    """What the cluster asks about the row's objects, one review each."""
    return [_review(item, f"{row['case']}-{i}") for i, item in enumerate(row["object"])]


def _review(item: Mapping[str, Any], uid: str) -> Review:
    """A review in full: a recorded one completed, or one of the object's creation."""
    given: Mapping[str, Any] = {"operation": "CREATE", "object": item}
    if item.get("kind") == "AdmissionReview":
        given = item["request"]
    subject = given.get("object") or given.get("oldObject") or {}
    api_version = str(subject.get("apiVersion", ""))
    group, _, version = api_version.rpartition("/")
    metadata = subject.get("metadata") or {}
    request = {
        "uid": uid,
        "kind": {"group": group, "version": version, "kind": subject.get("kind", "")},
        "namespace": metadata.get("namespace", "default"),
        "name": metadata.get("name", ""),
        **given,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def inventory_of(row: Row) -> dict[str, object]:
    """The fact of what else the cluster has."""
    return {"inventory": [{"key": [], "value": row["inventory"] or []}]}
