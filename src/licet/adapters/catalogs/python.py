"""Python functions and pydantic models as tools.

A function's parameters are the tool's arguments: names, annotations, defaults; pydantic turns the
annotations into a JSON Schema, so everything that it knows counts (`Annotated[int, Field(ge=0)]`,
`Literal`, dataclasses). The first paragraph of the docstring is the description.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import typing
from collections.abc import Callable, Iterable
from typing import Any

from licet.compiler.catalog import Catalog, Tool
from licet.compiler.digests import catalog_digest
from licet.policy_lang.diagnostics import has_errors
from licet.policy_lang.rendering import render_text

from .json_schema import to_params


def catalog_of(
    tools: Iterable[Callable[..., Any] | type], source: str, *, read_only: Iterable[str] = ()
) -> Catalog:
    """The catalog of some functions and models, qualified by `source`.

    `read_only` names those that change nothing; all others count as destructive. Raises ValueError
    for one that cannot be described, and for a name that is there twice.
    """
    reads = frozenset(read_only)
    found = tuple(tool_of(each, source, read_only=each.__name__ in reads) for each in tools)
    names = [tool.name for tool in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two tools are named `{twice}`")
    if unknown := reads - set(names):
        raise ValueError(f"there is no tool `{min(unknown)}` that could be read-only")
    catalog = Catalog(found)
    return Catalog(found, catalog_digest(catalog))


def tool_of(
    described: Callable[..., Any] | type, source: str = "", *, read_only: bool = False
) -> Tool:
    """The tool of a function, or of a pydantic model whose fields are the arguments.

    Raises ValueError where a parameter cannot be an argument, or its type has no schema.
    """
    name = described.__name__
    schema = schema_of(described)
    params, findings = to_params(schema, f"tool `{name}`")
    if has_errors(findings):
        raise ValueError(render_text(tuple(findings)))
    description = description_of(described)
    told = json.dumps([name, schema, description, read_only], sort_keys=True, default=str)
    return Tool(
        name=name,
        source=source,
        params=params,
        description=description,
        read_only=read_only,
        destructive=not read_only,
        digest=hashlib.sha256(b"licet python 1 " + told.encode()).hexdigest(),
    )


def description_of(described: Callable[..., Any] | type) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((inspect.getdoc(described) or "").partition("\n\n")[0].split())


def schema_of(described: Callable[..., Any] | type) -> dict[str, Any]:
    """The JSON Schema of a function's arguments, or of a pydantic model. Raises ValueError."""
    from pydantic import BaseModel

    name = described.__name__
    try:
        if not isinstance(described, type):
            return _schema(described)
        if not issubclass(described, BaseModel):
            raise ValueError(f"`{name}` is a class, but no pydantic model")
        return described.model_json_schema()
    except (TypeError, NameError, AttributeError) as error:
        raise ValueError(f"`{name}` has no schema: {error}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "pydantic":
            raise
        raise ValueError(f"`{name}` has no schema: {error}") from error


def _schema(function: Callable[..., Any]) -> dict[str, Any]:
    """The JSON Schema of a function's arguments."""
    from pydantic import ConfigDict, create_model

    hints = typing.get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ValueError(
                f"`{function.__name__}` takes `{parameter}`, which no call can give by name"
            )
        if parameter.name not in hints:
            raise ValueError(
                f"`{function.__name__}` does not say of which type `{parameter.name}` is"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    config = ConfigDict(protected_namespaces=(), arbitrary_types_allowed=False)
    model = create_model(function.__name__, __config__=config, **fields)
    schema: dict[str, Any] = model.model_json_schema()
    return schema
