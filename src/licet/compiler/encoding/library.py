"""libz3 through its C interface: function pointers, one context, counted handles.

`z3py` wraps every call in objects; a decision of 25 microseconds has no room for that. Handles are
plain integers here. Everything that Z3 hands out is either used at once (Z3 keeps its last result
alive) or counted through `Context.keep`.

The evaluator of Z3 is called with the interpreter's lock held (`PyDLL`) where it is known to be
short, and without it (`CDLL`) where text or large formulas may take milliseconds.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Sequence
from ctypes import c_bool, c_char_p, c_int, c_int64, c_uint, c_void_p
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from .failures import EncodingFault

_SIGNATURES: Final[dict[str, tuple[Any, list[Any]]]] = {
    "mk_config": (c_void_p, []),
    "del_config": (None, [c_void_p]),
    "mk_context_rc": (c_void_p, [c_void_p]),
    "del_context": (None, [c_void_p]),
    "set_error_handler": (None, [c_void_p, c_void_p]),
    "get_error_code": (c_int, [c_void_p]),
    "get_error_msg": (c_char_p, [c_void_p, c_int]),
    "inc_ref": (None, [c_void_p, c_void_p]),
    "dec_ref": (None, [c_void_p, c_void_p]),
    "mk_bool_sort": (c_void_p, [c_void_p]),
    "mk_int_sort": (c_void_p, [c_void_p]),
    "mk_real_sort": (c_void_p, [c_void_p]),
    "mk_string_sort": (c_void_p, [c_void_p]),
    "mk_int_symbol": (c_void_p, [c_void_p, c_int]),
    "mk_const": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "get_app_decl": (c_void_p, [c_void_p, c_void_p]),
    "mk_true": (c_void_p, [c_void_p]),
    "mk_false": (c_void_p, [c_void_p]),
    "mk_not": (c_void_p, [c_void_p, c_void_p]),
    "mk_and": (c_void_p, [c_void_p, c_uint, c_void_p]),
    "mk_or": (c_void_p, [c_void_p, c_uint, c_void_p]),
    "mk_ite": (c_void_p, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "mk_eq": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "mk_le": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "mk_add": (c_void_p, [c_void_p, c_uint, c_void_p]),
    "mk_mul": (c_void_p, [c_void_p, c_uint, c_void_p]),
    "mk_div": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "mk_mod": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "mk_int2real": (c_void_p, [c_void_p, c_void_p]),
    "mk_real2int": (c_void_p, [c_void_p, c_void_p]),
    "mk_int64": (c_void_p, [c_void_p, c_int64, c_void_p]),
    "mk_numeral": (c_void_p, [c_void_p, c_char_p, c_void_p]),
    "mk_u32string": (c_void_p, [c_void_p, c_uint, c_char_p]),
    "mk_seq_concat": (c_void_p, [c_void_p, c_uint, c_void_p]),
    "mk_seq_prefix": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "mk_seq_suffix": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "mk_seq_length": (c_void_p, [c_void_p, c_void_p]),
    "mk_str_le": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "mk_model": (c_void_p, [c_void_p]),
    "model_inc_ref": (None, [c_void_p, c_void_p]),
    "model_dec_ref": (None, [c_void_p, c_void_p]),
    "add_const_interp": (None, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "model_get_const_interp": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "model_eval": (c_bool, [c_void_p, c_void_p, c_void_p, c_bool, c_void_p]),
    "is_numeral_ast": (c_bool, [c_void_p, c_void_p]),
    "get_numeral_string": (c_char_p, [c_void_p, c_void_p]),
    "is_string": (c_bool, [c_void_p, c_void_p]),
    "get_string_length": (c_uint, [c_void_p, c_void_p]),
    "get_string_contents": (None, [c_void_p, c_void_p, c_uint, c_void_p]),
    "get_full_version": (c_char_p, []),
}

_INT64 = 1 << 63


def library_path() -> str:
    """The shared library of the installed `z3-solver` distribution."""
    spec = importlib.util.find_spec("z3")
    if spec is None or not spec.submodule_search_locations:
        raise EncodingFault("z3-solver is not installed")
    for root in spec.submodule_search_locations:
        for name in ("libz3.so", "libz3.dylib", "libz3.dll"):
            found = Path(root) / "lib" / name
            if found.exists():
                return str(found)
        versioned = sorted((Path(root) / "lib").glob("libz3.so.*"))
        if versioned:
            return str(versioned[0])
    raise EncodingFault("the installed z3-solver has no shared library")


def _declare(library: Any) -> dict[str, Any]:
    functions = {}
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, "Z3_" + name)
        function.restype = result
        function.argtypes = arguments
        functions[name] = function
    return functions


_path = library_path()
#: Called with the interpreter's lock held.
held: Final[dict[str, Any]] = _declare(ctypes.PyDLL(_path))
#: `model_eval` with the lock released.
released_eval: Final[Any] = _declare(ctypes.CDLL(_path))["model_eval"]


class Context:
    """One Z3 context, its sorts and truth values. Used by one thread at a time; freed by `close`.

    `kept` counts the handles held, for tests of leaks.
    """

    def __init__(self) -> None:
        config = held["mk_config"]()
        self.ref: int | None = held["mk_context_rc"](config)
        held["del_config"](config)
        c = self.ref
        held["set_error_handler"](c, None)
        self.kept = 0
        self.bool_sort = self.keep(held["mk_bool_sort"](c))
        self.int_sort = self.keep(held["mk_int_sort"](c))
        self.real_sort = self.keep(held["mk_real_sort"](c))
        self.string_sort = self.keep(held["mk_string_sort"](c))
        self.true = self.keep(held["mk_true"](c))
        self.false = self.keep(held["mk_false"](c))
        self._out = c_void_p()
        self._out_ref = ctypes.byref(self._out)

    def close(self) -> None:
        """Free the context and everything in it. Nothing of it may be used afterwards."""
        if self.ref is not None:
            held["del_context"](self.ref)
            self.ref = None

    def __del__(self) -> None:
        self.close()

    def keep(self, handle: int | None) -> int:
        """Count a fresh handle; a null one is an error of Z3."""
        if not handle:
            self.check()
            raise EncodingFault("the solver returned no term")
        held["inc_ref"](self.ref, handle)
        self.kept += 1
        return handle

    def drop(self, handle: int) -> None:
        """Give back a handle that `keep` counted."""
        held["dec_ref"](self.ref, handle)
        self.kept -= 1

    def check(self) -> None:
        """Raise `EncodingFault` if the last calls left an error."""
        code = held["get_error_code"](self.ref)
        if code:
            text = held["get_error_msg"](self.ref, code)
            raise EncodingFault(f"the solver failed: {text.decode(errors='replace')}")

    def call(self, name: str, *arguments: object) -> int:
        """A term-building function of Z3, its result kept."""
        return self.keep(held[name](self.ref, *arguments))

    def call_list(self, name: str, arguments: Sequence[int]) -> int:
        """A term-building function that takes a count and an array."""
        array = (c_void_p * len(arguments))(*arguments)
        return self.keep(held[name](self.ref, len(arguments), array))

    def integer(self, value: int) -> int:
        """A handle for an integer, not kept."""
        if -_INT64 <= value < _INT64:
            return int(held["mk_int64"](self.ref, value, self.int_sort) or 0)
        return int(held["mk_numeral"](self.ref, str(value).encode(), self.int_sort) or 0)

    def real(self, value: Fraction | int) -> int:
        """A handle for a rational, not kept."""
        if value.denominator == 1 and -_INT64 <= value.numerator < _INT64:
            return int(held["mk_int64"](self.ref, value.numerator, self.real_sort) or 0)
        text = f"{value.numerator}/{value.denominator}"
        return int(held["mk_numeral"](self.ref, text.encode(), self.real_sort) or 0)

    def text(self, value: str) -> int:
        """A handle for a text of the sequence theory, code point by code point; not kept."""
        raw = value.encode("utf-32-le")
        return int(held["mk_u32string"](self.ref, len(raw) // 4, raw) or 0)

    def evaluate(self, model: int, term: int, *, release: bool = False) -> int:
        """The value of `term` in a model without completion: a handle, not kept, perhaps
        unfinished where the model leaves constants open."""
        run = released_eval if release else held["model_eval"]
        if not run(self.ref, model, term, False, self._out_ref) or not self._out.value:
            self.check()
            raise EncodingFault("the solver did not evaluate a term")
        return self._out.value

    def forget(self, model: int) -> None:
        """Empty the evaluator's cache of a model, whose bindings have grown since.

        Z3 drops the cache when completion is switched; without this, later evaluations repeat
        what held before the new bindings.
        """
        held["model_eval"](self.ref, model, self.true, True, self._out_ref)

    def numeral(self, handle: int) -> Fraction | None:
        """The number that a handle stands for, or None if it is not a numeral."""
        if not held["is_numeral_ast"](self.ref, handle):
            return None
        text = held["get_numeral_string"](self.ref, handle).decode()
        return Fraction(text if "/" in text else int(text))

    def string(self, handle: int) -> str | None:
        """The text that a handle stands for, or None if it is not a constant text."""
        if not held["is_string"](self.ref, handle):
            return None
        length = held["get_string_length"](self.ref, handle)
        buffer = (c_uint * length)()
        held["get_string_contents"](self.ref, handle, length, buffer)
        return "".join(map(chr, buffer))
