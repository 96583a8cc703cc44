"""The canonical layout of a policy.

A declaration stands on one line where it fits and has no `let` and no more than two clauses;
otherwise its clauses stand below it, each on its own line, in the order in which they were
written. Comments and single blank lines stay where the author put them. The formatter never
changes what a policy says: it reads its own output back, and formatting twice gives what
formatting once gave.
"""

from __future__ import annotations

from typing import assert_never

from . import ast
from .diagnostics import Diagnostic, has_errors
from .documents import Doc, Group, Line, Nest, Page
from .formatting_expressions import Layout, flat
from .formatting_leaves import (
    name_text,
    plain_name_text,
    quoted,
    string_text,
    tool_text,
    window_text,
)
from .lexing import lex
from .operators import PATH
from .parsing import parse
from .source import Source

_ROUNDS = 8


def format_source(source: Source) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """The formatted text of a policy file, or None and what is wrong with it."""
    tree, diagnostics = parse(source)
    if has_errors(diagnostics):
        return None, diagnostics
    text = _print(source, tree)
    # A comment where no line can break moves to the next place where one can, and may move again
    # once the lines around it have settled.
    for _ in range(_ROUNDS):
        again = Source(source.name, text)
        tree_again, errors = parse(again)
        if has_errors(errors) or tree_again != tree:
            raise AssertionError(f"formatting {source.name} would change what it says")
        following = _print(again, tree_again)
        if following == text:
            break
        text = following
    return text, diagnostics


def format_tree(tree: ast.File) -> str:
    """A syntax tree as text, whatever its spans; there are no comments in a tree."""
    return _print(Source("<tree>", ""), tree)


def expression_text(node: ast.Expr) -> str:
    """An expression on one line, without its comments."""
    return flat(Layout().expression(node))


def _print(source: Source, tree: ast.File) -> str:
    lexed = lex(source)
    layout = DeclarationLayout(lexed.tokens, lexed.comments)
    page = Page(source.text, lexed.comments)
    for declaration in tree.declarations:
        start = declaration.span.start if source.text else 0
        page.flush(start, 0, keeps_blank=True)
        if page.out:
            page.blank(start, keeps_blank=True)
            page.newline(0)
        page.reached = start
        page.print(layout.declaration(declaration))
    page.flush(len(source.text) + 1, 0, keeps_blank=True)
    return "".join(page.out) + "\n" if page.out else ""


class DeclarationLayout(Layout):
    """Lays out declarations, clauses and tests."""

    def declaration(self, node: ast.Declaration) -> Doc:
        match node:
            case ast.PolicyDecl():
                return f"policy {quoted(node.name)}"
            case ast.TimezoneDecl():
                return f"timezone {quoted(node.zone)}"
            case ast.UseTools():
                return self.use_tools(node)
            case ast.Import():
                return self.import_file(node)
            case ast.ToolDecl():
                return self.tool(node)
            case ast.EnumDecl():
                return self.enum(node)
            case ast.RecordDecl():
                return self.fields(node, f"record {node.name} {{", node.fields, "}", space=" ")
            case ast.ValueDecl():
                return self.value(node)
            case ast.TableDecl():
                return self.table(node)
            case ast.ScopeDecl():
                return self.fields(node, f"{node.scope} {{", node.fields, "}", space=" ")
            case ast.FactDecl():
                signature = self.fields(node, f"fact {node.name}(", node.params, ")")
                return self.group(node, [signature, " -> ", self.type(node.result)])
            case ast.GroupDecl():
                return [f"group {node.name} = ", self.tools(node.members)]
            case ast.DefineDecl():
                params = "" if node.params is None else f"({', '.join(node.params)})"
                return [f"define {node.name}{params} = ", self.expression(node.body)]
            case ast.ChangeDecl():
                clauses: list[tuple[int, Doc]] = [
                    (node.before.span.start, ["before ", self.expression(node.before)]),
                    (node.after.span.start, ["after ", self.expression(node.after)]),
                ]
                return self.clauses(node, ["change on ", self.tools(node.on)], clauses)
            case ast.ShownDecl():
                paths = [(p.span.start, self.expression(p, PATH)) for p in node.paths]
                return self.listing(node, "shown ", paths)
            case ast.AdjustableDecl():
                entries = [(e.span.start, self.adjustable(e)) for e in node.entries]
                return self.listing(node, "adjustable ", entries)
            case ast.RuleDecl():
                return self.rule(node)
            case ast.LimitDecl():
                return self.limit(node)
            case ast.ProveDecl():
                return self.prove(node)
            case ast.TestDecl():
                return self.test(node)
            case _:
                assert_never(node)

    def listing(self, node: ast.Node, head: str, items: list[tuple[int, Doc]]) -> Doc:
        """`head item, item`, further items on lines of their own when they do not fit."""
        lines: list[Doc] = []
        for anchor, item in items[1:]:
            lines += [",", Line(anchor=anchor), item]
        return self.group(node, [head, items[0][1], Nest(2, lines)])

    def tools(self, tools: tuple[ast.ToolPattern, ...]) -> Doc:
        lines: list[Doc] = [tool_text(tools[0])]
        for tool in tools[1:]:
            lines += [",", Line(anchor=tool.span.start), tool_text(tool)]
        end = tools[-1].span.end
        inside = any(tools[0].span.start < c.start < end for c in self.comments)
        return Group(Nest(2, lines), broken=inside)

    # --- what stands at the top of a file

    def use_tools(self, node: ast.UseTools) -> Doc:
        format = "" if node.format is None else f"{node.format} "
        sources: list[tuple[int, Doc]] = [(s.span.start, string_text(s)) for s in node.sources]
        alias = "" if node.alias is None else f" as {node.alias}"
        return [self.listing(node, f"use tools {format}", sources), alias]

    def import_file(self, node: ast.Import) -> Doc:
        if not node.params:
            return f"import {quoted(node.path)}"
        record = ast.RecordLiteral(node.params, span=node.span)
        return [f"import {quoted(node.path)} with ", self.record(record)]

    def tool(self, node: ast.ToolDecl) -> Doc:
        head = self.fields(node, f"tool {plain_name_text(node.name)}(", node.params, ")")
        result: Doc = "" if node.result is None else [" -> ", self.type(node.result)]
        flags = "".join(f" {flag}" for flag in node.flags)
        tags = f" tags {', '.join(quoted(tag) for tag in node.tags)}" if node.tags else ""
        return [head, result, flags, tags]

    # --- vocabulary

    def enum(self, node: ast.EnumDecl) -> Doc:
        starts = [
            token.start
            for token in self.tokens
            if node.span.start <= token.start < node.span.end and token.kind in ("WORD", "STRING")
        ]
        anchors = starts[1:] if len(starts) > len(node.labels) else [0] * len(node.labels)
        items: list[tuple[int, Doc]] = [
            (anchor, plain_name_text(label))
            for anchor, label in zip(anchors, node.labels, strict=True)
        ]
        return self.bracketed(node, f"enum {node.name} {{", items, "}", space=" ")

    def value(self, node: ast.ValueDecl) -> Doc:
        head: list[Doc] = [f"{'param' if node.is_param else 'const'} {node.name}"]
        if node.type is not None:
            head += [": ", self.type(node.type)]
        if node.value is not None:
            head += [" = ", self.expression(node.value)]
        return head

    def table(self, node: ast.TableDecl) -> Doc:
        head: list[Doc] = [f"{'param ' if node.is_param else ''}table {node.name}("]
        for index, param in enumerate(node.params):
            head += [", " if index else "", self.type(param)]
        head += [") -> ", self.type(node.result), " "]
        rows = [(row.span.start, self.row(row)) for row in node.rows]
        body = self.bracketed(node, "{", rows, "}", space=" ", separator=";", keeps_blank=True)
        return [head, body]

    def row(self, node: ast.TableRow) -> Doc:
        keys: list[Doc] = []
        for index, key in enumerate(node.keys):
            keys += [", " if index else "", self.expression(key)]
        return [keys, ": ", self.expression(node.value)]

    def adjustable(self, node: ast.Adjustable) -> Doc:
        arguments = [".".join(name_text(part) for part in path) for path in node.arguments]
        return f"{tool_text(node.tool)}({', '.join(arguments)})"

    # --- rules, limits, proofs

    def rule(self, node: ast.RuleDecl) -> Doc:
        head = [f"{node.kind} {node.name} on ", self.tools(node.on)]
        clauses = self.conditions(node.lets, node.when, node.unless)
        if node.approval is not None:
            clauses.append((node.approval.span.start, self.approval(node.approval)))
        if node.message is not None:
            clauses.append((node.message.span.start, ["message ", self.message(node.message)]))
        return self.clauses(node, head, clauses, broken=bool(node.lets) or len(clauses) > 2)

    def conditions(
        self, lets: tuple[ast.Let, ...], when: ast.Expr | None, unless: ast.Expr | None
    ) -> list[tuple[int, Doc]]:
        clauses: list[tuple[int, Doc]] = [
            (let.span.start, [f"let {let.name} = ", self.expression(let.value)]) for let in lets
        ]
        if when is not None:
            clauses.append((when.span.start, ["when ", self.expression(when)]))
        if unless is not None:
            clauses.append((unless.span.start, ["unless ", self.expression(unless)]))
        return clauses

    def clauses(
        self, node: ast.Node, head: Doc, clauses: list[tuple[int, Doc]], *, broken: bool = False
    ) -> Doc:
        """A head and its clauses, in the order in which they were written."""
        lines: list[Doc] = []
        for anchor, clause in sorted(clauses, key=lambda c: c[0]):
            lines += [Line(anchor=anchor, hard=broken, keeps_blank=True), clause]
        return self.group(node, [head, Nest(2, lines)])

    def approval(self, node: ast.Approval) -> Doc:
        needs = "" if node.needs == 1 else f" needs {node.needs}"
        return ["to ", self.expression(node.condition), needs]

    def limit(self, node: ast.LimitDecl) -> Doc:
        head: list[Doc] = [f"limit {node.name}"]
        clauses: list[tuple[int, Doc]] = [
            (part.span.start, self.aggregate(part)) for part in node.aggregates
        ]
        if len(clauses) == 1 and all(let.span.start >= clauses[0][0] for let in node.lets):
            head += [" ", clauses.pop()[1]]
        clauses.append(self.reach(node))
        clauses += self.conditions(node.lets, node.when, node.unless)
        if node.settle_at is not None:
            amount = ["settle at ", self.expression(node.settle_at), " over result"]
            clauses.append((node.settle_at.span.start, amount))
        if node.otherwise is not None:
            asked = ["else escalate ", self.approval(node.otherwise)]
            clauses.append((node.otherwise.span.start, asked))
        if node.message is not None:
            clauses.append((node.message.span.start, ["message ", self.message(node.message)]))
        broken = bool(node.lets) or len(clauses) > 3
        return self.clauses(node, head, clauses, broken=broken)

    def aggregate(self, node: ast.Aggregate) -> Doc:
        amount: Doc = "" if node.amount is None else self.expression(node.amount)
        return ["on ", self.tools(node.on), f" {node.kind}(", amount, ")"]

    def reach(self, node: ast.LimitDecl) -> tuple[int, Doc]:
        """`per`, `within` and the bound, which stand on one line."""
        parts: list[tuple[int, Doc]] = []
        if node.per is not None:
            parts.append((node.per.span.start, ["per ", self.expression(node.per, PATH)]))
        if node.within is not None:
            parts.append((node.within.span.start, f"within {window_text(node.within)}"))
        parts.sort(key=lambda part: part[0])
        parts.append((node.bound.span.start, [f"{node.op} ", self.expression(node.bound)]))
        first = parts[0][0]
        lines: list[Doc] = [parts[0][1]]
        for anchor, part in parts[1:]:
            lines += [Line(anchor=anchor), part]
        inside = any(first < c.start < parts[-1][0] for c in self.comments)
        return first, Group(Nest(2, lines), broken=inside)

    def prove(self, node: ast.ProveDecl) -> Doc:
        head = [f"prove {node.name} {node.mode} allow ", self.tools(node.on)]
        return self.clauses(node, head, self.conditions((), node.when, None))

    # --- tests

    def test(self, node: ast.TestDecl) -> Doc:
        lines: list[Doc] = []
        for index, step in enumerate(node.steps):
            anchor = step.span.start
            lines += [Line(anchor=anchor, hard=True, keeps_blank=index > 0), self.step(step)]
        return [f"test {quoted(node.name)}", Nest(2, lines)]

    def step(self, node: ast.Given | ast.CallStep | ast.Then) -> Doc:
        match node:
            case ast.Given():
                items: list[Doc] = [self.given(node.items[0])]
                for item in node.items[1:]:
                    items += [Line(anchor=item.span.start), self.given(item)]
                return self.group(node, ["given ", Nest(len("given "), items)])
            case ast.CallStep():
                return [f"call {tool_text(node.tool)} ", self.record(node.args)]
            case ast.Then():
                by = "" if node.by is None else f" by {', '.join(node.by)}"
                if node.result is None:
                    return f"then {node.outcome}{by}"
                return [f"then {node.outcome}{by} result ", self.expression(node.result)]
            case _:
                assert_never(node)

    def given(self, node: ast.GivenItem) -> Doc:
        match node:
            case ast.GivenScope():
                return [f"{node.scope} ", self.record(node.value)]
            case ast.GivenNow():
                return ["now ", self.expression(node.value)]
            case ast.GivenFact():
                keys: list[Doc] = []
                for index, key in enumerate(node.keys):
                    keys += [", " if index else "", self.expression(key)]
                head: list[Doc] = [f"{node.name}(", keys, ") "]
                if node.value is None:
                    return [head, node.state]
                if isinstance(node.value, ast.RecordLiteral):
                    return [head, self.record(node.value)]
                return [head, "= ", self.expression(node.value)]
            case _:
                assert_never(node)
