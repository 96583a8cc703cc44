"""The policy language: from text to a syntax tree with diagnostics, and back to tidy text."""

from . import ast
from .diagnostics import Diagnostic, Note, Severity, has_errors
from .formatting import format_source
from .parsing import parse, parse_expression
from .rendering import render_json, render_text
from .source import Source, Span

__all__ = [
    "Diagnostic",
    "Note",
    "Severity",
    "Source",
    "Span",
    "ast",
    "format_source",
    "has_errors",
    "parse",
    "parse_expression",
    "render_json",
    "render_text",
]
