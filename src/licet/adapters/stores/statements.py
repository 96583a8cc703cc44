"""Every statement that the stores send, written once and compiled for one dialect.

They are compiled when a store opens and then go to the driver as text: SQLAlchemy's own way of
executing one costs more than SQLite's way of answering it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    Table,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.expression import ClauseElement, ColumnElement

from .schema import (
    APPROVALS,
    AUDIT,
    CALLS,
    COVERAGE,
    DOCUMENTS,
    KEYS,
    LEAVES,
    NODES,
    SECRETS,
    TENANTS,
)

HEAD_COLUMNS = (
    "seq",
    "change",
    "at",
    "policy",
    "audit_seq",
    "audit_hash",
    "activation",
    "canary",
)


class Statement:
    """A statement's text for a driver, with named parameters."""

    def __init__(
        self, element: ClauseElement, dialect: Dialect, *, many: ClauseElement | None = None
    ) -> None:
        #: The same for many rows, with a list of values for each parameter, where there is one.
        self.many = None if many is None else Statement(many, dialect)
        compiled = element.compile(dialect=dialect)
        self.text = str(compiled)
        self._fixed = {k: v for k, v in (compiled.params or {}).items() if v is not None}

    def with_fixed(self, values: Mapping[str, object]) -> Mapping[str, object]:
        """The parameters: a caller's, and those that stand in the statement itself."""
        return {**self._fixed, **values} if self._fixed else values


class Statements:
    """All of them. What belongs to a tenant is asked for by the tenant's number (`tenant`, or `key`
    where a column of that name is set as well)."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._nodes: dict[int, Statement] = {}

        def made(element: ClauseElement) -> Statement:
            return Statement(element, dialect)

        self.tenant = made(
            select(TENANTS.c.tenant, *(TENANTS.c[name] for name in HEAD_COLUMNS)).where(
                TENANTS.c.name == bindparam("name")
            )
        )
        self.tenants = made(select(TENANTS.c.name).order_by(TENANTS.c.name))
        self.heads = made(
            select(TENANTS.c.name, *(TENANTS.c[name] for name in HEAD_COLUMNS)).order_by(
                TENANTS.c.name
            )
        )
        self.put_tenant = made(
            self._insert(TENANTS, ("name", *HEAD_COLUMNS)).returning(TENANTS.c.tenant)
        )
        self.set_head = made(
            update(TENANTS)
            .where(TENANTS.c.tenant == bindparam("key"))
            .values({name: bindparam(name) for name in HEAD_COLUMNS})
        )

        calls = select(*_but_tenant(CALLS)).where(_here(CALLS))
        self.call_by_id = made(
            calls.where(*(CALLS.c[n] == bindparam(n) for n in ("principal", "session", "call_id")))
        )
        self.call_by_nonce = made(calls.where(CALLS.c.nonce == bindparam("nonce")))
        self.calls_changed_after = made(
            calls.where(CALLS.c.change > bindparam("after"))
            .order_by(CALLS.c.change)
            .limit(bindparam("most"))
        )
        # `reserved` is written out: a partial index does not serve a parameter
        self.calls_due = made(
            calls.where(
                CALLS.c.state == literal_column("'reserved'"), CALLS.c.expires <= bindparam("until")
            )
            .order_by(CALLS.c.expires, CALLS.c.seq)
            .limit(bindparam("most"))
        )
        self.displace_call = made(
            update(CALLS)
            .where(
                CALLS.c.tenant == bindparam("key"),
                CALLS.c.principal == bindparam("whose"),
                CALLS.c.session == bindparam("where"),
                CALLS.c.call_id == bindparam("id"),
                CALLS.c.seq != bindparam("by"),
            )
            .values(call_id=CALLS.c.nonce)
        )
        self.put_call = made(self._upsert(CALLS))

        self.coverage = made(
            select(COVERAGE.c.change).where(
                _here(COVERAGE), COVERAGE.c.policy == bindparam("policy")
            )
        )
        self.cover = made(self._upsert(COVERAGE))
        # slots have no gaps and `at` never falls: the last one that fits says how many do
        self.last_leaf = made(
            select(LEAVES.c.slot)
            .where(
                _here(LEAVES),
                LEAVES.c.pot == bindparam("pot"),
                LEAVES.c.at <= bindparam("until"),
            )
            .order_by(LEAVES.c.at.desc(), LEAVES.c.slot.desc())
            .limit(1)
        )
        leaves = select(*_but_tenant(LEAVES)).where(_here(LEAVES))
        self.leaves = made(
            leaves.where(LEAVES.c.pot == bindparam("pot"), LEAVES.c.slot >= bindparam("first"))
            .order_by(LEAVES.c.slot)
            .limit(bindparam("most"))
        )
        self.leaves_of = made(
            leaves.where(LEAVES.c.seq == bindparam("seq")).order_by(LEAVES.c.pot, LEAVES.c.slot)
        )
        self.put_leaf = self._put(LEAVES)
        self.put_node = self._put(NODES)

        approvals = select(*_but_tenant(APPROVALS)).where(_here(APPROVALS))
        self.approval = made(approvals.where(APPROVALS.c.id == bindparam("id")))
        self.approvals_for = made(
            approvals.where(APPROVALS.c.binding == bindparam("binding")).order_by(
                APPROVALS.c.asked.desc(), APPROVALS.c.id.desc()
            )
        )
        self.approvals = made(
            approvals.where(
                APPROVALS.c.state == bindparam("state"), APPROVALS.c.id > bindparam("after")
            )
            .order_by(APPROVALS.c.id)
            .limit(bindparam("most"))
        )
        self.count_approvals = made(
            select(func.count())
            .select_from(APPROVALS)
            .where(
                _here(APPROVALS),
                *(APPROVALS.c[n] == bindparam(n) for n in ("principal", "session", "state")),
            )
        )
        self.put_approval = made(self._upsert(APPROVALS))

        documents = select(DOCUMENTS.c.id, DOCUMENTS.c.text).where(
            _here(DOCUMENTS), DOCUMENTS.c.kind == bindparam("kind")
        )
        self.document = made(documents.where(DOCUMENTS.c.id == bindparam("id")))
        self.documents = made(
            documents.where(DOCUMENTS.c.id < bindparam("before"))
            .order_by(DOCUMENTS.c.id.desc())
            .limit(bindparam("most"))
        )
        self.put_document = made(self._upsert(DOCUMENTS))
        self.drop_document = made(
            delete(DOCUMENTS).where(
                *(DOCUMENTS.c[name] == bindparam(name) for name in ("tenant", "kind", "id"))
            )
        )
        self.keys = made(select(*_but_tenant(KEYS)).where(_here(KEYS)))
        self.key = made(
            select(TENANTS.c.name.label("tenant"), *_but_tenant(KEYS))
            .join_from(KEYS, TENANTS, KEYS.c.tenant == TENANTS.c.tenant)
            .where(KEYS.c.hash == bindparam("hash"))
        )
        self.put_key = made(self._upsert(KEYS))
        self.drop_key = made(
            delete(KEYS).where(KEYS.c.tenant == bindparam("key"), KEYS.c.hash == bindparam("hash"))
        )

        named = (
            select(TENANTS.c.tenant).where(TENANTS.c.name == bindparam("name")).scalar_subquery()
        )
        self.append_audit = made(self._insert(AUDIT, tuple(AUDIT.c.keys())))
        self.audit = made(
            select(AUDIT.c.seq, AUDIT.c.hash, AUDIT.c.text)
            .where(AUDIT.c.tenant == named, AUDIT.c.seq > bindparam("after"))
            .order_by(AUDIT.c.seq)
            .limit(bindparam("most"))
        )

        self.secret = made(select(SECRETS.c.value).where(SECRETS.c.name == bindparam("name")))
        self.put_secret = made(
            self._insert(SECRETS, ("name", "value")).on_conflict_do_nothing(
                index_elements=[SECRETS.c.name]
            )
        )

    def nodes(self, ranges: int) -> Statement:
        """The nodes in so many ranges, with parameters `pot0`, `level0`, `first0`, `last0`, …"""
        known = self._nodes.get(ranges)
        if known is None:
            parts = [
                select(NODES.c.pot, NODES.c.level, NODES.c.slot, NODES.c.text).where(
                    _here(NODES),
                    NODES.c.pot == bindparam(f"pot{n}"),
                    NODES.c.level == bindparam(f"level{n}"),
                    NODES.c.slot >= bindparam(f"first{n}"),
                    NODES.c.slot <= bindparam(f"last{n}"),
                )
                for n in range(ranges)
            ]
            known = Statement(union_all(*parts) if ranges > 1 else parts[0], self._dialect)
            self._nodes[ranges] = known
        return known

    def _insert(self, table: Table, names: tuple[str, ...]) -> Any:
        make: Any = postgresql.insert if self._dialect.name == "postgresql" else sqlite.insert
        return make(table).values({name: bindparam(name) for name in names})

    def _put(self, table: Table) -> Statement:
        """Insert or replace, one row or many: SQLite takes rows one by one in no time, to
        PostgreSQL each is work."""
        if self._dialect.name != "postgresql":
            return Statement(self._upsert(table), self._dialect)
        lists = (func.unnest(bindparam(c.name, type_=ARRAY(c.type))) for c in table.c)
        many = postgresql.insert(table).from_select(table.c.keys(), select(*lists))
        return Statement(self._upsert(table), self._dialect, many=self._or_replace(many, table))

    def _upsert(self, table: Table) -> Any:
        return self._or_replace(self._insert(table, tuple(table.c.keys())), table)

    def _or_replace(self, insert: Any, table: Table) -> Any:
        rest = [c.name for c in table.c if not c.primary_key]
        return insert.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: insert.excluded[name] for name in rest},
        )


def _here(table: Table) -> ColumnElement[bool]:
    return table.c.tenant == bindparam("tenant")


def _but_tenant(table: Table) -> list[Column[Any]]:
    return [column for column in table.c if column.name != "tenant"]
