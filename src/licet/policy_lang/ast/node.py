"""What every node carries."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every node carries: where it stands."""

    span: Span = field(compare=False, repr=False)
