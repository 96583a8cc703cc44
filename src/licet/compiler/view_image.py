"""`image(s)`: a reference to a container image, read as every container runtime reads it.

Grammar and normal form are those of the distribution project's references, which container
runtimes share: where no registry is written it is docker.io, where its repository has one part it
is below library. A tag that is not written is absent, never `latest`.
"""

from __future__ import annotations

import re
from typing import Final

from .types import STRING, Field, OptionalType, RecordType, Value

IMAGE = RecordType(
    "Image",
    (
        Field("registry", STRING),
        Field("repository", STRING),
        Field("name", STRING),
        Field("tag", OptionalType(STRING)),
        Field("digest", OptionalType(STRING)),
    ),
)

_DEFAULT: Final = "docker.io"
_LONGEST_NAME: Final = 255
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_REGISTRY: Final = re.compile(rf"({_LABEL}(?:\.{_LABEL})*)(?::([1-9][0-9]{{0,4}}))?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


def image(text: str) -> Value:
    """The parts of an image reference, or None."""
    if len(text) > 1_000:
        return None
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return None
    before, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        return None
    name = before + slash + last
    first, slash, below = name.partition("/")
    if slash and (first == "localhost" or set(".:") & set(first) or first != first.lower()):
        match = _REGISTRY.fullmatch(first)
        if match is None or (match[2] is not None and int(match[2]) > 65_535):
            return None
        registry, repository = first.lower(), below
    else:
        registry, repository = _DEFAULT, name
    if registry == f"index.{_DEFAULT}":
        registry = _DEFAULT
    if registry == _DEFAULT and "/" not in repository:
        repository = f"library/{repository}"
    if not _REPOSITORY.fullmatch(repository) or len(registry) + len(repository) >= _LONGEST_NAME:
        return None
    return {
        "registry": registry,
        "repository": repository,
        "name": f"{registry}/{repository}",
        "tag": tag if colon else None,
        "digest": digest if at else None,
    }
