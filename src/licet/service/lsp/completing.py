"""What may come next: tools after `on`, arguments and fields after a dot, labels after `==`.

Read from the text before the cursor alone, since what is being written does not parse yet. Where
nothing can be said, every name of the policy is offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from licet.compiler.builtins import BUILTINS
from licet.compiler.program import Program
from licet.compiler.types import BoolType, EnumType, RecordType, Type
from licet.policy_lang import Source, Span, ast, parse_expression
from licet.policy_lang.formatting_leaves import name_text, plain_name_text
from licet.policy_lang.tokens import DECLARATION_WORDS, SCOPE_WORDS

from .paths import Groups, bare, element, field_type, root_type, tools_of
from .policies import Policy

Kind = Literal["tool", "group", "argument", "field", "label", "rule", "name", "function", "word"]


@dataclass(frozen=True, slots=True)
class Completion:
    """`label` is what is inserted; `detail` its type; `docs` text of the catalog's, as it is."""

    label: str
    kind: Kind
    detail: str = ""
    docs: str = ""


_NOWHERE = Span(Source("", ""), 0, 0)
_DECLARATION = re.compile(rf"^(?:{'|'.join((*DECLARATION_WORDS, *SCOPE_WORDS))})\b", re.MULTILINE)
_TOOLS = re.compile(
    r"(?:\bon\s+|\ballow\s+|\bcalls\(\s*|^group\s+\w+\s*=\s*|\bcall\s+|^adjustable\s+)"
    r'(?:[\w.*"-]+\s*,\s*)*[\w.*"-]*\Z',
    re.MULTILINE,
)
_ON = re.compile(
    r'\b(?:on|allow)\s+((?:[\w.*"-]+\s*,\s*)*[\w.*"-]+)\s*(?=\b(?:when|unless|let|message|to)\b|$)'
)
_PATH = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)\.\w*\Z")
_LABEL = re.compile(
    r"([A-Za-z_][\w.]*)\s*(?:[=!]=|[<>]=?|\b(?:not\s+)?in\s*\[(?:[^\]\n]*,)?)\s*\w*\Z"
)
_CALL = re.compile(r"\bcall\s+([\w.-]+)\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*)\Z")
_SCOPE = re.compile(r"\b(principal|context|session)\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*)\Z")
_FIELD_VALUE = re.compile(r"""(?:[{,]\s*)"?([\w-]+)"?\s*:\s*\w*\Z""")
_BY = re.compile(r"\bthen\s+(?:allow|deny|escalate)\s+by\s+(?:\w+\s*,\s*)*\w*\Z")
_LET = re.compile(r"\blet\s+(\w+)\s*=\s*(.*?)(?=\b(?:let|when|unless|message|to)\b|\Z)", re.DOTALL)
_GENERATOR = re.compile(r"(?:\(|\bfor)\s*(\w+)(?:\s*,\s*(\w+))?\s+in\s+(\w+(?:\.\w+)*)")


def complete(policy: Policy, text: str, offset: int) -> tuple[Completion, ...]:
    """What may be written at an offset of a file's text; the editor filters by what is there."""
    program = policy.program
    if program is None:
        return ()
    before = _before(text[:offset])
    if before.rpartition("\n")[2].partition("#")[1]:
        return ()  # in a comment
    place = _Place(program, policy, before)
    return tuple(dict.fromkeys(place.offers()))


def path_type(policy: Policy, text: str, offset: int, path: str) -> Type | None:
    """The type of a path that stands before an offset of a file's text."""
    if policy.program is None:
        return None
    return _Place(policy.program, policy, _before(text[:offset])).type(path)


def _before(text: str) -> str:
    """The declaration that the cursor stands in, up to there."""
    starts = [match.start() for match in _DECLARATION.finditer(text)]
    return text[starts[-1] :] if starts else text


class _Place:
    def __init__(self, program: Program, policy: Policy, before: str) -> None:
        self._program = program
        self._policy = policy
        self._before = before
        self._declared = [d for tree in policy.files.values() for d in tree.declarations]
        self._groups: Groups = {
            d.name: d.members for d in self._declared if isinstance(d, ast.GroupDecl)
        }

    def offers(self) -> Iterator[Completion]:
        before = self._before
        if _BY.search(before):
            yield from self._rules()
        elif _TOOLS.search(before):
            yield from self._tools()
        elif call := _CALL.search(before):
            tools = self._program.catalog.find(call[1])
            yield from _keys(tools[0].params if len(tools) == 1 else None, call[2])
        elif before.startswith("test") and (scope := _SCOPE.search(before)):
            yield from _keys(getattr(self._program, scope[1]), scope[2])
        elif path := _PATH.search(before):
            kind: Kind = "argument" if path[1] == "args" else "field"
            yield from _fields(self.type(path[1]), kind)
        elif (label := _LABEL.search(before)) and (labels := tuple(_labels(self.type(label[1])))):
            yield from labels
        elif re.search(r"(?:\A|\n)\w*\Z", before):
            yield from (Completion(word, "word") for word in (*DECLARATION_WORDS, *SCOPE_WORDS))
        else:
            yield from self._names()

    # --- names

    def _tools(self) -> Iterator[Completion]:
        for tool in self._program.catalog:
            alone = len(self._program.catalog.find(tool.name)) == 1
            name = tool.name if alone else tool.qualified
            if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
                name = f'"{name}"'
            yield Completion(name, "tool", _signature(tool.params), tool.description)
        for group in self._groups:
            yield Completion(group, "group", "group")
        yield Completion("any", "word", "every tool")

    def _rules(self) -> Iterator[Completion]:
        for declaration in self._declared:
            if isinstance(declaration, ast.RuleDecl | ast.LimitDecl):
                kind = declaration.kind if isinstance(declaration, ast.RuleDecl) else "limit"
                yield Completion(declaration.name, "rule", kind)

    def _names(self) -> Iterator[Completion]:
        for name in self._lets():
            yield Completion(name, "name", "let")
        for name in ("args", "principal", "context", "session", "now", "tool"):
            yield Completion(name, "name")
        for declaration in self._declared:
            match declaration:
                case ast.FactDecl(name=name):
                    signature = self._program.facts.get(name)
                    detail = "fact" if signature is None else str(signature.result)
                    yield Completion(name, "function", detail)
                case ast.TableDecl(name=name):
                    yield Completion(name, "function", "table")
                case ast.DefineDecl(name=name):
                    yield Completion(name, "name", "define")
                case ast.ValueDecl(name=name, is_param=is_param):
                    yield Completion(name, "name", "param" if is_param else "const")
                case ast.EnumDecl(name=name, labels=labels):
                    for label in labels:
                        yield Completion(plain_name_text(label), "label", name)
                case _:
                    pass
        for name in BUILTINS:
            if not name.startswith(("path_", "ip_", "cidr_")):
                yield Completion(name, "function")
        for word in ("and", "or", "not", "has", "when", "unless", "let", "message"):
            yield Completion(word, "word")

    # --- types

    def type(self, path: str) -> Type | None:
        first, *steps = path.split(".")
        found = self._variable(first) or root_type(self._program, first, self._on(), self._lets())
        for step in steps:
            found = field_type(found, step)
        return found

    def _variable(self, name: str) -> Type | None:
        """The type of what a comprehension binds."""
        for match in _GENERATOR.finditer(self._before):
            if name == match[1] and match[2] is None and match[3].partition(".")[0] != name:
                return element(self.type(match[3]))
            if name == match[2]:
                return element(self.type(match[3]))
        return None

    def _on(self) -> Sequence[str]:
        match = _ON.search(self._before)
        if match is None:
            return tuple(self._program.catalog.qualified)
        patterns = [
            ast.ToolPattern(text.strip().strip('"'), '"' in text, span=_NOWHERE)
            for text in match[1].split(",")
        ]
        return tools_of(self._program, patterns, self._groups)

    def _lets(self) -> dict[str, ast.Expr]:
        found: dict[str, ast.Expr] = {}
        for match in _LET.finditer(self._before):
            node, _ = parse_expression(Source("let", match[2].strip()))
            if node is not None:
                found[match[1]] = node
        return found


def _keys(record: RecordType | None, inside: str) -> Iterator[Completion]:
    """Inside braces: a field's name, or behind its colon what it may be."""
    if record is None or inside.count("{") > inside.count("}") + 1:
        return
    if value := _FIELD_VALUE.search(inside):
        yield from _labels(field_type(record, value[1]))
        return
    yield from _fields(record, "argument")


def _fields(of: Type | None, kind: Kind) -> Iterator[Completion]:
    inner = bare(of)
    if isinstance(inner, RecordType):
        for field in inner.fields:
            yield Completion(name_text(field.name), kind, str(field.type))


def _labels(of: Type | None) -> Iterator[Completion]:
    match bare(of):
        case EnumType() as enum:
            for label in enum.labels:
                yield Completion(plain_name_text(label), "label", str(enum))
        case BoolType():
            yield Completion("true", "label", "Bool")
            yield Completion("false", "label", "Bool")
        case _:
            pass


def _signature(params: RecordType) -> str:
    return "(" + ", ".join(f"{field.name}: {field.type}" for field in params.fields) + ")"
