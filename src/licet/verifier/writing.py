"""Calls of one program as canonical JSON: their arguments, all that is known of them, and the
record that is kept of one that was allowed. Prepared once, since every call is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring as quoted
from typing import TYPE_CHECKING

from licet.compiler.catalog import Tool
from licet.compiler.ir import FactSignature
from licet.compiler.program import Program
from licet.compiler.spelling import Spell, require_text, speller
from licet.compiler.types import TIME, Value, is_sent_one_way
from licet.compiler.values import render
from licet.compiler.world import World

from .admission import Refused
from .tickets import arguments_digest, digest_of_text, frozen
from .verdict import Violation

if TYPE_CHECKING:
    from .proposing import Proposal

_now = speller(TIME)


class Writer:
    """Writes the calls of one program. Safe to share between threads."""

    def __init__(self, program: Program) -> None:
        self._principal = speller(program.principal)
        self._context = speller(program.context)
        self._session = speller(program.session)
        self._look_ups = {
            name: (signature.history, _entry_speller(signature))
            for name, signature in program.signatures.items()
        }
        self._tools: dict[str, tuple[Spell, bool]] = {}

    def _tool(self, tool: Tool) -> tuple[Spell, bool]:
        name = tool.qualified
        found = self._tools.get(name)
        if found is None:
            found = self._tools[name] = (speller(tool.params), is_sent_one_way(tool.params))
        return found

    def tells_all(self, tool: Tool) -> bool:
        """Whether the arguments as they were admitted tell all of what was sent."""
        return self._tool(tool)[1]

    def arguments(self, tool: Tool, world: World) -> str:
        """The arguments as they were admitted. Raises ValueError for half of a surrogate pair."""
        return require_text(self._tool(tool)[0](world.args))

    def digest(self, tool: Tool, world: World, text: str, sent: Mapping[str, object]) -> str:
        """The digest of the arguments that run: of `sent`, which were admitted as `text`. Raises
        Refused where they are not JSON beyond what the schema says of them."""
        if self._tool(tool)[1]:
            return digest_of_text(text)  # what was sent is spelled as what was admitted
        try:
            return arguments_digest(frozen(sent, render(world.args, tool.params)))
        except ValueError as error:
            told = f"the arguments are not JSON: {error}"
            raise Refused((Violation("bad_argument", told, told, path="args"),)) from None

    def call(self, proposal: Proposal) -> str:
        """`calls.call_json` of a call."""
        world = proposal.world
        context = f'"context":{self._context(world.context)},' if world.context else ""
        principal = f'"principal":{self._principal(world.principal)},' if world.principal else ""
        session = f'"session":{self._session(world.session)},' if world.session else ""
        return require_text(
            f'{{"args":{proposal.spelled},{context}{self._found(world)}"now":{_now(world.now)},'
            f'{principal}{session}"tool":{quoted(world.tool)}}}'
        )

    def record(self, proposal: Proposal, call: str, by: Sequence[str], issued: int) -> str:
        """What is kept of a call, written as `call`, that the rules `by` allowed at `issued`, by
        the store's clock."""
        commit = '"commit":true,' if proposal.commit else ""
        part_of = f'"part_of":{quoted(proposal.part_of)},' if proposal.part_of else ""
        parts = f'"parts":{_texts(proposal.parts)},' if proposal.parts else ""
        session = "null" if proposal.session is None else quoted(proposal.session)
        return require_text(
            f'{{"by":{_texts(by)},"call":{call},{commit}"issued":{issued},{part_of}{parts}'
            f'"session":{session}}}'
        )

    def approved(self, call: str, rules: Sequence[str]) -> str:
        """A call as it was written, with the names of the rules that somebody agreed to."""
        return f'{{"approved":{_texts(rules)},{call[1:]}' if rules else call

    def _found(self, world: World) -> str:
        """What was looked up: the host's facts, and the values of the history."""
        facts: list[str] = []
        history: list[str] = []
        for name in sorted(world.facts):
            if entries := world.facts[name]:
                of_history, spell = self._look_ups[name]
                text = f"{quoted(name)}:[{','.join(map(spell, entries.items()))}]"
                (history if of_history else facts).append(text)
        told = f'"facts":{{{",".join(facts)}}},' if facts else ""
        return told + (f'"history":{{{",".join(history)}}},' if history else "")


def _entry_speller(signature: FactSignature) -> Spell:
    keys = tuple(speller(kind) for _, kind in signature.params)
    value = speller(signature.result)

    def write(entry: tuple[tuple[Value, ...], Value]) -> str:
        found, answer = entry
        each = [spell(key) for spell, key in zip(keys, found, strict=True)]
        return f'{{"key":[{",".join(each)}],"value":{value(answer)}}}'

    return write


def _texts(texts: Iterable[str]) -> str:
    return f"[{','.join(map(quoted, texts))}]"
