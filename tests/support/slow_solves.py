"""A policy with a question that no solver answers in time, and plain ones beside it."""

from __future__ import annotations

UNKNOWN = {"$unknown": True}

#: Whether 114 is the sum of three cubes, nobody knows.
SLOW_POLICY = """
principal { id: String }
context { x: Int, y: Int, z: Int }
tool hard(n: Int)
tool pay(amount: Int in 0 .. 1_000)
permit all on any
forbid cubes on hard when context.x * context.x * context.x + context.y * context.y * context.y
  + context.z * context.z * context.z == 114
forbid large on pay when args.amount > 100
"""
SLOW = {
    "tool": "hard",
    "args": {"n": 1},
    "principal": {"id": "a"},
    "context": {"x": UNKNOWN, "y": UNKNOWN, "z": UNKNOWN},
}
