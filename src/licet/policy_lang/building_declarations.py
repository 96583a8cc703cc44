"""From what the parser has recognised to AST nodes: declarations, clauses and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from . import ast
from .building import Builder, Children, nodes, unquoted
from .literals import number_value, unescape
from .messages import message_parts
from .source import Span
from .tokens import Token

CLAUSE_NAMES = {"SETTLE": "settle at", "ELSE": "else escalate"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: the word it starts with (as a kind), where it stands, and its value."""

    kind: str
    span: Span
    value: Any

    @property
    def name(self) -> str:
        return CLAUSE_NAMES.get(self.kind, self.kind.lower())


class DeclarationBuilder(Builder):
    """A builder that knows all of the grammar."""

    # --- what stands at the top of a file

    def policy(self, children: Children, start: int) -> ast.PolicyDecl:
        return ast.PolicyDecl(self.text(children[1]), span=self.span(start))

    def timezone(self, children: Children, start: int) -> ast.TimezoneDecl:
        return ast.TimezoneDecl(self.text(children[1]), span=self.span(start))

    def use_tools(self, children: Children, start: int) -> ast.UseTools:
        tokens = nodes(children, keep_tokens=True)
        alias = tokens[-1].text if tokens[-2].kind == "AS" else None
        format = tokens[2].text if tokens[2].kind == "WORD" else None
        sources = tuple(
            ast.StringLiteral(self.text(token), span=self.token_span(token))
            for token in tokens
            if token.kind == "STRING"
        )
        return ast.UseTools(format, sources, alias, span=self.span(start))

    def import_file(self, children: Children, start: int) -> ast.Import:
        params = children[3].fields if len(children) > 2 else ()
        return ast.Import(self.text(children[1]), params, span=self.span(start))

    def tool(self, children: Children, start: int) -> ast.ToolDecl:
        tokens = [t for t in nodes(children, keep_tokens=True) if isinstance(t, Token)]
        kinds = [getattr(child, "kind", "") for child in children]
        result = children[kinds.index("ARROW") + 1] if "ARROW" in kinds else None
        flags: list[str] = []
        for token in tokens:
            if token.kind == "FLAG" and token.text in flags:
                self.repeated(token.text, self.token_span(token))
            elif token.kind == "FLAG":
                flags.append(token.text)
        tags = tuple(self.text(token) for token in tokens if token.kind == "STRING")
        return ast.ToolDecl(
            children[1], tuple(children[2]), result, tuple(flags), tags, span=self.span(start)
        )

    # --- vocabulary

    def enum(self, children: Children, start: int) -> ast.EnumDecl:
        return ast.EnumDecl(children[1].text, tuple(nodes(children)), span=self.span(start))

    def record_declaration(self, children: Children, start: int) -> ast.RecordDecl:
        return ast.RecordDecl(children[1].text, tuple(children[2]), span=self.span(start))

    def param(self, children: Children, start: int) -> ast.ValueDecl:
        value = children[5] if len(children) > 4 else None
        return ast.ValueDecl(
            children[1].text, children[3], value, is_param=True, span=self.span(start)
        )

    def const(self, children: Children, start: int) -> ast.ValueDecl:
        type = children[3] if children[2].kind == "COLON" else None
        return ast.ValueDecl(
            children[1].text, type, children[-1], is_param=False, span=self.span(start)
        )

    def table(self, children: Children, start: int) -> ast.TableDecl:
        is_param = children[0].kind == "PARAM"
        *params, result = (child for child in nodes(children) if not isinstance(child, list))
        rows = children[-2] if isinstance(children[-2], list) else []
        name = children[2 if is_param else 1].text
        return ast.TableDecl(
            name, tuple(params), result, tuple(rows), is_param, span=self.span(start)
        )

    def row(self, children: Children, start: int) -> ast.TableRow:
        *keys, value = nodes(children)
        return ast.TableRow(tuple(keys), value, span=self.span(start))

    def scope(self, children: Children, start: int) -> ast.ScopeDecl:
        return ast.ScopeDecl(children[0].text, tuple(children[1]), span=self.span(start))

    def fact(self, children: Children, start: int) -> ast.FactDecl:
        return ast.FactDecl(
            children[1].text, tuple(children[2]), children[4], span=self.span(start)
        )

    def group(self, children: Children, start: int) -> ast.GroupDecl:
        return ast.GroupDecl(children[1].text, tuple(children[3]), span=self.span(start))

    def define(self, children: Children, start: int) -> ast.DefineDecl:
        params = children[2] if not isinstance(children[2], Token) else None
        return ast.DefineDecl(children[1].text, params, children[-1], span=self.span(start))

    def change(self, children: Children, start: int) -> ast.ChangeDecl:
        _, _, tools, _, before, _, after = children
        return ast.ChangeDecl(tuple(tools), before, after, span=self.span(start))

    def shown(self, children: Children, start: int) -> ast.ShownDecl:
        return ast.ShownDecl(tuple(nodes(children)), span=self.span(start))

    def adjustables(self, children: Children, start: int) -> ast.AdjustableDecl:
        return ast.AdjustableDecl(tuple(nodes(children)), span=self.span(start))

    def adjustable(self, children: Children, start: int) -> ast.Adjustable:
        token, *paths = children
        text = token.text
        quoted = '"' in text
        tool = ast.ToolPattern(
            unquoted(text) if quoted else text, quoted, span=self.token_span(token)
        )
        return ast.Adjustable(tool, tuple(nodes(paths)), span=self.span(start))

    def argument(self, children: Children, _start: int) -> tuple[str, ...]:
        return tuple(nodes(children))

    # --- rules

    def clause(self, children: Children, start: int) -> Clause:
        value = children[2] if children[0].kind == "SETTLE" else children[1]
        return Clause(children[0].kind, self.span(start), value)

    def let(self, children: Children, start: int) -> Clause:
        span = self.span(start)
        return Clause("LET", span, ast.Let(children[1].text, children[3], span=span))

    def message(self, children: Children, start: int) -> Clause:
        token = children[1]
        parts = message_parts(self, token)
        message = ast.Message(parts, span=self.token_span(token))
        return Clause("MESSAGE", self.span(start), message)

    def approval(self, children: Children, start: int) -> Clause:
        needs = 1
        if len(children) > 2:
            value, is_int = number_value(children[3].text)
            if not is_int or value < 1:
                self.report(
                    "LIC028",
                    f"`needs {children[3].text}` asks for no number of people",
                    self.token_span(children[3]),
                    "write a whole number from 1 on",
                )
            needs = max(1, int(value))
        span = self.span(start)
        return Clause("TO", span, ast.Approval(children[1], needs, span=span))

    def rule(self, children: Children, start: int) -> ast.RuleDecl:
        keyword, name, _, tools, *rest = children
        lets, found = self.clauses(nodes(rest))
        kind: Literal["permit", "forbid", "escalate"] = keyword.text
        if kind == "escalate" and "TO" not in found:
            self.report(
                "LIC028",
                f"`{name.text}` does not say who must agree",
                self.token_span(name),
                "add `to` and a condition on `approver`, as in `to approver.role == manager`",
            )
        elif kind != "escalate" and "TO" in found:
            self.report(
                "LIC028",
                f"a `{kind}` asks nobody, so it has no `to`",
                found["TO"].span,
                "write `escalate` for a call that somebody must agree to",
            )
        return ast.RuleDecl(
            kind,
            name.text,
            tuple(tools),
            lets,
            value_of(found, "WHEN"),
            value_of(found, "UNLESS"),
            value_of(found, "MESSAGE"),
            value_of(found, "TO"),
            span=self.span(start),
        )

    def clauses(self, clauses: list[Clause]) -> tuple[tuple[ast.Let, ...], dict[str, Clause]]:
        """The `let`s, and every other clause by kind; a repeated one is a mistake."""
        lets: list[ast.Let] = []
        found: dict[str, Clause] = {}
        for clause in clauses:
            if clause.kind == "LET":
                lets.append(clause.value)
            elif clause.kind in found:
                self.repeated(clause.name, clause.span)
            else:
                found[clause.kind] = clause
        return tuple(lets), found

    def repeated(self, name: str, span: Span) -> None:
        help = {
            "when": "join the conditions with `and`",
            "unless": "join the conditions with `or`",
        }.get(name, "keep one of the two")
        self.report("LIC027", f"a second `{name}`", span, help)

    # --- limits and proofs

    def aggregate(self, children: Children, start: int) -> ast.Aggregate:
        _, tools, word, *rest = children
        amount = rest[1] if word.kind == "SUM" else None
        return ast.Aggregate(tuple(tools), word.text, amount, span=self.span(start))

    def bound(self, children: Children, start: int) -> Clause:
        return Clause("BOUND", self.span(start), (children[0].text, children[1]))

    def otherwise(self, children: Children, start: int) -> Clause:
        return Clause("ELSE", self.span(start), children[2].value)

    def limit(self, children: Children, start: int) -> ast.LimitDecl:
        parts = nodes(children[2:])
        aggregates = tuple(part for part in parts if isinstance(part, ast.Aggregate))
        lets, found = self.clauses([part for part in parts if isinstance(part, Clause)])
        op, bound = found["BOUND"].value
        return ast.LimitDecl(
            children[1].text,
            aggregates,
            value_of(found, "PER"),
            value_of(found, "WITHIN"),
            op,
            bound,
            lets,
            value_of(found, "WHEN"),
            value_of(found, "UNLESS"),
            value_of(found, "SETTLE"),
            value_of(found, "ELSE"),
            value_of(found, "MESSAGE"),
            span=self.span(start),
        )

    def prove(self, children: Children, start: int) -> ast.ProveDecl:
        when = children[6] if len(children) > 5 else None
        return ast.ProveDecl(
            children[1].text, children[2].text, tuple(children[4]), when, span=self.span(start)
        )

    # --- tests

    def given(self, children: Children, start: int) -> ast.Given:
        return ast.Given(tuple(nodes(children)), span=self.span(start))

    def given_scope(self, children: Children, start: int) -> ast.GivenScope:
        return ast.GivenScope(children[0].text, children[1], span=self.span(start))

    def given_now(self, children: Children, start: int) -> ast.GivenNow:
        return ast.GivenNow(children[1], span=self.span(start))

    def given_fact(self, children: Children, start: int) -> ast.GivenFact:
        word, keys, *rest = children
        state: Literal["value", "absent", "unknown"] = "value"
        value = rest[-1]
        if isinstance(value, Token):
            state, value = ("absent" if value.kind == "ABSENT" else "unknown"), None
        return ast.GivenFact(word.text, tuple(keys), value, state, span=self.span(start))

    def call_step(self, children: Children, start: int) -> ast.CallStep:
        return ast.CallStep(children[1], children[2], span=self.span(start))

    def then(self, children: Children, start: int) -> ast.Then:
        found = nodes(children)
        result = found.pop() if found and isinstance(found[-1], ast.Node) else None
        by = tuple(found) or None
        return ast.Then(children[1].text, by, result, span=self.span(start))

    def test(self, children: Children, start: int) -> ast.TestDecl:
        return ast.TestDecl(self.text(children[1]), tuple(nodes(children)), span=self.span(start))

    def text(self, string: Token) -> str:
        """What a string token says."""
        return unescape(string.text[1:-1])


def value_of(found: dict[str, Clause], kind: str) -> Any:
    """The value of a clause, None where the declaration lacks it."""
    return found[kind].value if kind in found else None
