"""Kubernetes manifests, as `kubectl apply` takes them → calls of the API server's operations.

Applying an object is judged as creating it with everything that the manifest says, in its
namespace: the operation is the one whose `x-kubernetes-group-version-kind` is the object's and
whose `x-kubernetes-action` is `post`. A list stands for its items, all or none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from licet.adapters.catalogs.documents import DocumentError, read_all
from licet.adapters.catalogs.openapi import Document, Operation
from licet.compiler.exact_json import shortened

from .reading import UnreadableCallError, WrittenCall

MAX_OBJECTS: Final = 1_000


class Cluster:
    """The kinds that an API server's OpenAPI description knows."""

    def __init__(self, data: Mapping[str, Any], source_name: str = "") -> None:
        self._source = source_name
        self._creating: dict[tuple[str, str, str], list[Operation]] = {}
        for operation in Document(data).operations():
            if not isinstance(operation, Operation):
                continue
            kind = operation.description.get("x-kubernetes-group-version-kind")
            action = operation.description.get("x-kubernetes-action")
            if isinstance(kind, Mapping) and action == "post":
                key = (str(kind.get("group", "")), str(kind["version"]), str(kind["kind"]))
                self._creating.setdefault(key, []).append(operation)

    def calls(self, text: str, namespace: str = "default") -> tuple[WrittenCall, ...]:
        """The calls of the objects in a text of JSON or YAML documents, in their order.

        `namespace` is that of objects that name none. Raises UnreadableCallError, and
        MissingExtraError without a reader of YAML.
        """
        try:
            documents = read_all(text)
        except DocumentError as error:
            raise UnreadableCallError(str(error)) from None
        found = [
            self._call(each, namespace) for document in documents for each in _objects(document)
        ]
        if len(found) > MAX_OBJECTS:
            raise UnreadableCallError(f"over {MAX_OBJECTS:,} objects")
        if not found:
            raise UnreadableCallError("there is no object")
        return tuple(found)

    def _call(self, manifest: Mapping[str, Any], namespace: str) -> WrittenCall:
        version, kind = manifest.get("apiVersion"), manifest.get("kind")
        metadata = manifest.get("metadata")
        if not isinstance(version, str) or not isinstance(kind, str):
            raise UnreadableCallError("an object without `apiVersion` and `kind`")
        if not isinstance(metadata, Mapping):
            raise UnreadableCallError("an object without `metadata`")
        group, slash, bare = version.rpartition("/")
        operations = self._creating.get((group if slash else "", bare, kind), [])
        own = metadata.get("namespace", namespace)
        for operation in sorted(operations, key=lambda each: "{namespace}" not in each.path):
            places = [p.name for p in operation.parameters if p.place == "path"]
            if places == ["namespace"]:
                return WrittenCall(
                    self._named(operation.name), {"namespace": own, "body": dict(manifest)}
                )
            if not places:
                if "namespace" in metadata:
                    raise UnreadableCallError(f"a {shortened(kind)} has no namespace")
                return WrittenCall(self._named(operation.name), {"body": dict(manifest)})
        # No such kind: a call that no catalog has, so that it is refused by name.
        return WrittenCall(self._named(f"{version}/{kind}"), {"body": dict(manifest)})

    def _named(self, name: str) -> str:
        return f"{self._source}.{name}" if self._source else name


def _objects(document: object) -> Iterator[Mapping[str, Any]]:
    """The objects of a document; an empty one has none."""
    if document is None:
        return
    if not isinstance(document, Mapping):
        raise UnreadableCallError("a document that is no object")
    if str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _objects(item)
        return
    yield document
