"""The files that a patch of Codex (`apply_patch`) writes, or a refusal to say."""

from __future__ import annotations

from typing import Final

from licet.adapters.calls.reading import UnreadableCallError

_HEADS: Final = ("*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: ")


def patched_files(patch: str) -> tuple[str, ...]:
    """The paths that a patch names, in its order. Raises UnreadableCallError."""
    lines = patch.strip().splitlines()
    if len(lines) < 2 or lines[0].strip() != "*** Begin Patch":
        raise UnreadableCallError("the patch does not begin as one")
    if lines[-1].strip() != "*** End Patch":
        raise UnreadableCallError("the patch does not end as one")
    found = []
    for number, line in enumerate(lines[1:-1], 2):
        if not line.lstrip().startswith("***"):
            continue
        head = next((head for head in _HEADS if line.startswith(head)), None)
        if head is not None and line[len(head) :].strip():
            found.append(line[len(head) :].strip())
        elif line.strip() != "*** End of File" and not line.startswith("*** Environment ID: "):
            raise UnreadableCallError("a line of the patch names no file that is read", number)
    if not found:
        raise UnreadableCallError("the patch names no file")
    return tuple(found)
