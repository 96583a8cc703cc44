"""Syntax tree and catalog to typed IR, and IR to SMT terms."""

from .catalog import Catalog, Tool
from .loading import Project, open_project
from .pipeline import compile_sources
from .program import GivenValues, Program, TestCase, TestStep

__all__ = [
    "Catalog",
    "GivenValues",
    "Program",
    "Project",
    "TestCase",
    "TestStep",
    "Tool",
    "compile_sources",
    "open_project",
]
