"""The language server: what an editor asks about policies, answered from the compiler.

It reads files of the project only, runs nothing of it, and asks no solver.
"""
