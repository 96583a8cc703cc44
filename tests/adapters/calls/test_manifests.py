"""Manifests are read as calls of the API server."""

from typing import Any

import pytest

from licet.adapters.calls.manifests import Cluster
from licet.adapters.calls.reading import UnreadableCallError, WrittenCall


def creating(name: str, group: str, kind: str, *, namespaced: bool) -> dict[str, Any]:
    place = {"name": "namespace", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "parameters": [place] if namespaced else [],
        "post": {
            "operationId": name,
            "requestBody": {"content": {"*/*": {"schema": {"type": "object"}}}},
            "x-kubernetes-action": "post",
            "x-kubernetes-group-version-kind": {"group": group, "version": "v1", "kind": kind},
        },
    }


CLUSTER = Cluster(
    {
        "openapi": "3.0.0",
        "paths": {
            "/api/v1/namespaces": creating("createNs", "", "Namespace", namespaced=False),
            "/apis/apps/v1/namespaces/{namespace}/deployments": creating(
                "createDeployment", "apps", "Deployment", namespaced=True
            ),
        },
    },
    "k8s",
)
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {replicas: 2}
"""


def test_documents_and_lists() -> None:
    text = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: n}}\n---\n---{DEPLOYMENT}"
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 2},
    }
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    expected = (
        WrittenCall("k8s.createNs", {"body": space}),
        WrittenCall("k8s.createDeployment", {"namespace": "prod", "body": deployment}),
    )
    assert CLUSTER.calls(text, "prod") == expected
    both = '{"apiVersion": "v1", "kind": "List", "items": [%s, %s]}'
    import json

    assert CLUSTER.calls(both % (json.dumps(space), json.dumps(deployment)), "prod") == expected


def test_an_unknown_kind_is_a_call_that_no_catalog_has() -> None:
    (call,) = CLUSTER.calls(DEPLOYMENT.replace("Deployment", "Deploymnt"))
    assert call.tool == "k8s.apps/v1/Deploymnt"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no object"),
        ("- a", "a document that is no object"),
        ("a: 1", "without `apiVersion`"),
        ("apiVersion: v1\nkind: Namespace", "without `metadata`"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {namespace: a}", "has no namespace"),
        ("a: [", "neither JSON nor YAML"),
        ("a: &a [*a]", "neither JSON nor YAML"),
    ],
)
def test_what_is_no_manifest(text: str, reason: str) -> None:
    with pytest.raises(UnreadableCallError, match=reason):
        CLUSTER.calls(text)
