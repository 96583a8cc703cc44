"""The service's configuration: the table `[service]` of `licet.toml`, then environment and flags.

Strict: a key that is not known, or a value of another type, is an error before anything is served.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from licet.adapters.outgoing import check_url
from licet.compiler.intake import nearest
from licet.verifier.audit import FieldPathError
from licet.verifier.audit.field_paths import parse_path

from .callers import Role

#: Of keys and tenants.
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
Name = Annotated[str, Field(pattern=f"^{NAME}$")]


_NO_KEY = "there is no such key"


class SettingsError(ValueError):
    """A configuration that is none. The text names the key."""


class Part(BaseModel):
    """A table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(Part):
    """What one request and one credential may ask for. `rate` is requests a second (None: any
    number), `burst` how many at once; `body` is bytes, `batch` calls, `wait` seconds, `examination`
    seconds that an uploaded policy is compiled, compared and linted."""

    body: Annotated[int, Field(ge=1_000, le=4_000_000)] = 4_000_000
    batch: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    rate: Annotated[float, Field(gt=0)] | None = None
    burst: Annotated[int, Field(ge=1)] = 100
    wait: Annotated[float, Field(gt=0, le=300)] = 30.0
    examination: Annotated[float, Field(gt=0, le=600)] = 30.0


class Scope(Part):
    """What a key is for: its roles, whom and what it stands for, which tools it may check (globs;
    None: all), until when."""

    roles: Annotated[frozenset[Role], Field(min_length=1)]
    principal: dict[str, Any] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)
    session: str | None = None
    tools: tuple[str, ...] | None = None
    expires: datetime | None = None

    @model_validator(mode="after")
    def _has_zone(self) -> Self:
        if self.expires is not None and self.expires.utcoffset() is None:
            raise ValueError("`expires` has a time zone")
        return self


class Key(Scope):
    """An API key of the configuration, of which only the hash is kept (`sha256:` and 64 hex
    digits).

    To rotate a key, add the new one beside the old and give the old an `expires`.
    """

    name: Name
    hash: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    tenant: Name = "default"


class Tokens(Part):
    """The tokens (JWT) of one issuer. Keys are in a file (`jwks`) or at a URL (`jwks_url`).

    `roles` maps values of the claim `roles_claim` to roles; a token with none of them is nobody's.
    `principal` says which claim each field of the principal is taken from (`act.*`: the chain of
    actors). The tenant is `tenant`, or a claim's value if it is one of `tenants`. Clocks may differ
    by `leeway` seconds; `private` lets `jwks_url` be an address that is not public.
    """

    issuer: Annotated[str, Field(min_length=1)]
    audience: Annotated[str, Field(min_length=1)]
    jwks: str | None = None
    jwks_url: str | None = None
    private: bool = False
    algorithms: Annotated[
        tuple[
            Literal[
                "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
                "EdDSA", "Ed25519",
            ],
            ...,
        ],
        Field(min_length=1),
    ] = ("RS256", "ES256")  # fmt: skip
    leeway: Annotated[int, Field(ge=0, le=300)] = 30
    roles_claim: str = "roles"
    roles: Annotated[dict[str, Role], Field(min_length=1)]
    principal: dict[str, str] = Field(default_factory=lambda: {"id": "sub"})
    context: dict[str, Any] = Field(default_factory=dict)
    session_claim: str | None = None
    tenant: Name = "default"
    tenant_claim: str | None = None
    tenants: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> Tokens:
        if (self.jwks is None) == (self.jwks_url is None):
            raise ValueError("keys are in `jwks` or at `jwks_url`")
        if self.jwks_url is not None:
            check_url(self.jwks_url)
        if self.tenant_claim is not None and not self.tenants:
            raise ValueError("`tenant_claim` goes with `tenants`, which names those that there are")
        return self


class Fact(Part):
    """Where a fact is looked up: `python` (`module:function`), `url`, or `sql` with `database`.

    `seconds` bounds one look-up. After `failures` in a row the source is left alone for `pause`
    seconds. `private` lets `url` be an address that is not public.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    python: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    url: str | None = None
    sql: str | None = None
    database: str | None = None
    private: bool = False
    seconds: Annotated[float, Field(gt=0, le=30)] = 1.0
    failures: Annotated[int, Field(ge=1)] = 5
    pause: Annotated[float, Field(gt=0)] = 10.0

    @model_validator(mode="after")
    def _one_source(self) -> Fact:
        if sum(source is not None for source in (self.python, self.url, self.sql)) != 1:
            raise ValueError("a fact has one of `python`, `url` and `sql`")
        if (self.sql is None) != (self.database is None):
            raise ValueError("`sql` and `database` go together")
        if self.url is not None:
            check_url(self.url)
        return self


class WebhookSettings(Part):
    """Where the approvals of one tenant are told: asked for, answered. `secret_env` names the
    environment variable with the secret that signs (32 bytes or more); `seconds` bounds one
    attempt; `private` lets `url` be an address that is not public."""

    url: str
    secret_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]
    tenant: Name = "default"
    private: bool = False
    seconds: Annotated[float, Field(gt=0, le=30)] = 5.0

    @model_validator(mode="after")
    def _is_url(self) -> WebhookSettings:
        check_url(self.url)
        return self


class TelemetrySettings(Part):
    """What operators are told. `logs`: JSON lines on standard error. `otlp` is the base URL of an
    OpenTelemetry collector (None: no traces). `operators` is a tenant whose auditors and
    administrators read the metrics of every tenant (None: each those of its own)."""

    logs: bool = True
    otlp: str | None = None
    operators: Name | None = None

    @model_validator(mode="after")
    def _is_url(self) -> TelemetrySettings:
        if self.otlp is not None:
            check_url(self.otlp)
        return self


class ServiceSettings(Part):
    """All of `[service]`. `database` is a store's URL, or `memory`; `seconds` bounds the
    solver; `public_url` is how clients reach the service. `policies`: whose word on the active
    policy is the last (docs/service.md); `console`: pages for people, below `/console`; `tenants`
    are served beside `default` and those of the credentials here; `redact` are the fields that no
    audit tells (docs/audit.md)."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8_000
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    database: str = "sqlite:///licet.db"
    seconds: Annotated[float, Field(ge=0, le=60)] = 2.0
    public_url: str | None = None
    policies: Literal["both", "files", "uploads"] = "both"
    console: bool = True
    limits: Limits = Limits()
    tenants: tuple[Name, ...] = ()
    redact: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    tokens: tuple[Tokens, ...] = ()
    facts: tuple[Fact, ...] = ()
    webhooks: tuple[WebhookSettings, ...] = ()
    telemetry: TelemetrySettings = TelemetrySettings()

    @model_validator(mode="after")
    def _consistent(self) -> ServiceSettings:
        if self.database == "memory" and self.workers > 1:
            raise ValueError("`memory` is of one process: several workers need a database")
        for path in self.redact:
            try:
                parse_path(path)
            except FieldPathError as error:
                raise ValueError(f"`redact`: {error}") from None
        names = [key.name for key in self.keys]
        hashes = [key.hash for key in self.keys]
        if len(set(names)) != len(names) or len(set(hashes)) != len(hashes):
            raise ValueError("two keys have one name or one hash")
        return self

    @property
    def served(self) -> frozenset[str]:
        """The tenants whose policy this service activates, and whose stored keys it takes."""
        of_tokens = {tenant for each in self.tokens for tenant in (each.tenant, *each.tenants)}
        return frozenset({*self.tenants, *(key.tenant for key in self.keys), *of_tokens})


def read_settings(path: Path | None, **flags: object) -> ServiceSettings:
    """The settings of a `licet.toml` (None: there is none) with what flags say on top, those that
    are None left out. Raises SettingsError."""
    table: object = {}
    if path is not None and path.is_file():
        try:
            table = tomllib.loads(path.read_text("utf-8")).get("service", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
            raise SettingsError(f"cannot read `{path.name}`: {error}") from None
    if not isinstance(table, dict):
        raise SettingsError("`service` is a table: [service]")
    given = {name: value for name, value in flags.items() if value is not None}
    settings = settings_of({**table, **given})
    return settings if path is None else _beside(settings, path.parent)


def _beside(settings: ServiceSettings, folder: Path) -> ServiceSettings:
    """The settings with the files that they name beside their own."""
    tokens = [
        each
        if each.jwks is None
        else each.model_copy(update={"jwks": str((folder / each.jwks).resolve())})
        for each in settings.tokens
    ]
    return settings.model_copy(update={"tokens": tuple(tokens)})


def settings_of(data: object) -> ServiceSettings:
    """The settings in a mapping. Raises SettingsError, which never quotes a value."""
    try:
        return ServiceSettings.model_validate(data)
    except ValidationError as error:
        path, text = first_mistake(error)
        if text == _NO_KEY:
            near = nearest(str(path[-1])[:100], _keys_of(path))
            text += f"; did you mean `{near}`?" if near else ""
        place = ".".join(["service", *(str(part) for part in path)])
        raise SettingsError(f"`{place}`: {text}") from None


def first_mistake(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    """Where the first mistake is, and what it is; no value is quoted."""
    first = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "extra_forbidden":
        return first["loc"], _NO_KEY
    text = first["msg"].removeprefix("Value error, ")
    return first["loc"], text[:1].lower() + text[1:]


def _keys_of(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that there are where a key is that is none: at the top, or in one of the tables."""
    tables: dict[str | int, type[Part]] = {
        "limits": Limits,
        "keys": Key,
        "tokens": Tokens,
        "facts": Fact,
        "webhooks": WebhookSettings,
        "telemetry": TelemetrySettings,
    }
    table = ServiceSettings if len(path) == 1 else tables.get(path[0], ServiceSettings)
    return tuple(table.model_fields)
