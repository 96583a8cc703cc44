"""Solver contexts for threads: each is used by one thread at a time and holds encoders by tool.

As many exist as checks ever ran at once. One in which something failed is closed, and the next
check makes a new one; a call that is too large to decide is no failure.
"""

from __future__ import annotations

from collections import OrderedDict

from licet.compiler.encoding import Context, EncodingLimit, ToolEncoder, UnsupportedText
from licet.compiler.ir import ToolRules
from licet.compiler.program import Program

#: Tools whose formulas one context keeps.
KEPT_TOOLS = 256


class Engine:
    """One Z3 context and the encoders in it."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._context = Context()
        self._encoders: OrderedDict[str, ToolEncoder] = OrderedDict()

    def encoder(self, rules: ToolRules) -> ToolEncoder:
        """The encoder of a tool; the one that was used longest ago makes room."""
        found = self._encoders.get(rules.tool)
        if found is None:
            program = self._program
            found = self._encoders[rules.tool] = ToolEncoder(
                rules,
                program.signatures,
                program.catalog.qualified[rules.tool].params,
                program.principal,
                program.context,
                program.session,
                program.zone,
                solver=self._context,
            )
            if len(self._encoders) > KEPT_TOOLS:
                self._encoders.popitem(last=False)[1].close()
        elif len(self._encoders) == KEPT_TOOLS:
            self._encoders.move_to_end(rules.tool)
        return found

    def close(self) -> None:
        """Free everything; of no use afterwards."""
        while self._encoders:
            self._encoders.popitem()[1].close()
        self._context.close()


class Engines:
    """A pool of engines. `lent` is safe from any thread."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._idle: list[Engine] = []

    def lent(self) -> Lent:
        """An engine that no other thread uses meanwhile: a context."""
        try:
            engine = self._idle.pop()
        except IndexError:
            engine = Engine(self._program)
        return Lent(engine, self._idle)


class Lent:
    """An engine on loan. One in which something failed does not come back."""

    __slots__ = ("_engine", "_idle")

    def __init__(self, engine: Engine, idle: list[Engine]) -> None:
        self._engine, self._idle = engine, idle

    def __enter__(self) -> Engine:
        return self._engine

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # One that met a limit is no worse for it: it knows by now what it cannot decide.
        if kind is None or issubclass(kind, (EncodingLimit, UnsupportedText)):
            self._idle.append(self._engine)
        else:
            self._engine.close()
