"""What operators are told: log lines, metrics and spans that move with verdicts and hold no secret,
and that change no verdict when they break."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from licet.service.app import create_app
from licet.service.settings import SettingsError, settings_of
from licet.service.telemetry.events import Decision
from licet.service.telemetry.logs import Logs
from licet.service.telemetry.metrics import MAX_RULES, OTHER, Metrics
from licet.service.telemetry.traces import Traces
from support.serving import POLICY, ROLES, ask, close, key, keys, serve
from support.shop import refund, shop
from support.telling import Spans

SECRET = "s3cret-7741-hidden"
LIMITED = POLICY + "limit daily on refund sum(args.amount) per principal.id within day <= 150\n"


@dataclass
class Served:
    app: FastAPI
    lines: io.StringIO
    spans: Spans

    def logged(self, event: str | None = None) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in found if event in (None, line["event"])]

    def value(self, name: str, tenant: str = "one", **labels: str) -> float:
        text = ask(self.app, "GET", "/metrics", role="auditor", tenant=tenant).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def open_service(folder: Path, text: str = POLICY, **options: object) -> Served:
    lines = io.StringIO()
    app = serve(folder, text, **options)
    spans = Spans()
    app.state.service.telemetry.add("logs", Logs(lines))  # at once, not behind
    app.state.service.telemetry.add("traces", Traces(spans.spans, spans.events))
    return Served(app, lines, spans)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = open_service(tmp_path)
    yield made
    close(made.app)


def call(**changes: object) -> dict[str, object]:
    made = refund(**changes)
    del made["now"]
    return made


def check(served: Served, tenant: str = "one", **changes: object) -> dict[str, Any]:
    sent = call(**changes)
    told: dict[str, Any] = ask(
        served.app, "POST", "/v1/check", role="host", tenant=tenant, json=sent
    ).json()
    return told


def test_a_line_for_each_verdict_and_each_request(served: Served) -> None:
    told = check(served, args={"order_id": "R1", "amount": 300}, id="call-7")
    [verdict], [request] = served.logged("verdict"), served.logged("request")
    assert verdict.pop("ms") > 0
    assert verdict.pop("time").endswith("Z")
    assert verdict == {
        "event": "verdict",
        "level": "info",
        "request": request["request"],
        "id": told["verdict"]["id"],
        "call": "call-7",
        "tenant": "one",
        "caller": "one-host",
        "tool": "refund",
        "outcome": "deny",
        "kind": "forbidden",
        "rules": told["verdict"]["rules"],
        "policy": told["verdict"]["policy"],
    }
    assert (request["route"], request["status"], request["tenant"]) == ("/v1/check", 200, "one")


def test_the_answer_names_its_line(served: Served) -> None:
    answer = ask(served.app, "GET", "/nowhere/at/all", headers={"X-Request-Id": SECRET})
    [line] = served.logged()
    assert line["request"] == answer.headers["x-request-id"]
    assert line["status"] == 404
    assert "route" not in line
    assert SECRET not in served.lines.getvalue()


def test_metrics_move_with_verdicts(served: Served) -> None:
    labels = {"outcome": "deny", "kind": "forbidden"}
    assert served.value("licet_verdicts_total") == 0
    check(served)
    check(served, args={"order_id": "R1", "amount": 300})
    check(served, tool="refnd")
    ask(served.app, "POST", "/v1/check/batch", role="host", json={"calls": [call(), call()]})
    assert served.value("licet_verdicts_total", **labels) == 1
    assert served.value("licet_verdicts_total", outcome="allow", kind="none") == 3
    assert served.value("licet_verdicts_total", kind="unknown_tool") == 1
    assert served.value("licet_rule_verdicts_total", rule="too_much", outcome="deny") == 1
    assert served.value("licet_stage_seconds_count", stage="decide") == 5
    assert served.value("licet_stage_seconds_count", stage="memory") == 5
    assert served.value("licet_stage_seconds_count", stage="solver") == 1
    assert served.value("licet_stage_seconds_count", stage="facts") == 0
    assert served.value("licet_requests_total", route="/v1/check", status="200") == 3
    assert served.value("licet_solver_unknowns_total") == 0


def test_budgets_and_solver_unknowns_are_counted(tmp_path: Path) -> None:
    served = open_service(tmp_path, LIMITED)
    check(served)
    assert not check(served)["allowed"]
    assert served.value("licet_budget_used_ratio_count", rule="daily") == 1
    assert 0.6 < served.value("licet_budget_used_ratio_sum", rule="daily") < 0.7
    close(served.app)


def test_tenants_see_no_counts_of_each_other(served: Served) -> None:
    check(served, tenant="two")
    ask(served.app, "POST", "/v1/check", json={})
    assert served.value("licet_verdicts_total", tenant="two") == 1
    assert served.value("licet_verdicts_total", tenant="one") == 0
    assert served.value("licet_requests_total", tenant="one", status="401") == 1
    assert served.value("licet_requests_total", tenant="two", status="401") == 0


def test_operators_see_all_where_the_configuration_says_so(tmp_path: Path) -> None:
    served = open_service(tmp_path, telemetry={"operators": "one"})
    check(served, tenant="two")
    assert served.value("licet_verdicts_total", tenant="one") == 1
    close(served.app)


def test_spans_have_the_names_of_the_conventions(served: Served) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    ask(
        served.app,
        "POST",
        "/v1/check",
        role="host",
        json=call(args={"order_id": "R1", "amount": 300}, id="call-7"),
        headers={"traceparent": f"00-{trace}-{parent}-01", "tracestate": f"a={SECRET}"},
    )
    [span], [event] = served.spans.finished(), served.spans.logged()
    assert span.name == "execute_tool refund"
    assert format(span.context.trace_id, "032x") == trace
    assert format(span.parent.span_id, "016x") == parent
    assert span.attributes["gen_ai.operation.name"] == "execute_tool"
    assert span.attributes["gen_ai.tool.name"] == "refund"
    assert span.attributes["gen_ai.tool.call.id"] == "call-7"
    assert event.event_name == "gen_ai.evaluation.result"
    assert event.span_id == span.context.span_id
    assert event.attributes["gen_ai.evaluation.name"] == "licet"
    assert event.attributes["gen_ai.evaluation.score.label"] == "deny"
    assert "too_much" in event.attributes["gen_ai.evaluation.explanation"]


def told_by(served: Served) -> str:
    """Everything that any operator can be told, decoded."""
    metrics = [
        ask(served.app, "GET", "/metrics", role=r).text for r in ("auditor", "administrator")
    ]
    lines = [json.dumps(line, ensure_ascii=False) for line in served.logged()]
    return "\n".join([*metrics, *lines, served.spans.text(), served.lines.getvalue()])


def test_no_secret_is_told_whatever_route_it_is_sent_to(served: Served) -> None:
    allowed = check(served, args={"order_id": "R1", "amount": 100, "note": SECRET})
    ticket = allowed["ticket"]
    assert ticket
    escalated = check(served, args={"order_id": "R1", "amount": 180, "note": SECRET})
    assert escalated["outcome"] == "escalate"
    hidden = [{"key": ["R1"], "value": {"owner": SECRET, "total": 200}}]
    check(served, facts={"order": hidden, "blocked": [{"key": [SECRET], "value": True}]})
    bodies: list[Any] = [
        {"ticket": ticket, "args": {"order_id": "R1", "amount": 100, "note": SECRET}},
        {"ticket": ticket, "outcome": "ok", "result": SECRET},
        {"ticket": SECRET, "args": {SECRET: SECRET}},
        {"tool": SECRET, "args": {SECRET: SECRET}, "id": ticket},
        {"tool": ticket, "id": key("host"), SECRET: 1},
        {"calls": [call(tool=SECRET), call(id=key("agent"), note=SECRET)]},
        {SECRET: SECRET},
        [SECRET],
    ]
    for path, item in served.app.openapi()["paths"].items():
        place = re.sub(r"\{\w+\}", SECRET, path)
        for method in item:
            for body in bodies if method == "post" else [None]:
                for role in ROLES:
                    sent = {} if body is None else {"json": body}
                    where = f"{place}?q={SECRET}&token={ticket[:40]}&seconds=0"
                    extra = {"User-Agent": SECRET, "traceparent": SECRET, "X-Request-Id": SECRET}
                    ask(served.app, method.upper(), where, role=role, headers=extra, **sent)
            bad = {"Authorization": f"Bearer {SECRET}"}
            ask(served.app, method.upper(), place, headers=bad)
    ask(served.app, "BREW", f"/{SECRET}")
    text = told_by(served)
    assert len(served.logged("request")) > 100
    assert len(served.spans.finished()) >= 3
    assert SECRET not in text
    assert ticket[:40] not in text
    assert "licet1." not in text
    for role in ROLES:
        assert key(role) not in text


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = open_service(tmp_path_factory.mktemp("telemetry"))
    yield made
    close(made.app)


TEXT = st.text(min_size=1, max_size=300)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tool=TEXT, name=TEXT, path=TEXT)
def test_what_a_client_makes_up_is_inert(shared: Served, tool: str, name: str, path: str) -> None:
    """Neither a line more, nor a label, nor a metrics page that no parser reads."""
    before = len(shared.logged())
    mark = "zq" + SECRET
    body = json.dumps({"tool": mark + tool, "args": {mark + name: path}, "id": mark + name})
    sent = {"Content-Type": "application/json"}
    ask(shared.app, "POST", "/v1/check", role="agent", content=body.encode(), headers=sent)
    after = shared.logged()
    assert len(after) - before in (1, 2)
    assert not any("tool" in line for line in after)
    page = ask(shared.app, "GET", "/metrics", role="administrator").text
    assert mark not in page
    assert list(text_string_to_metric_families(page))


class Broken:
    """A sink, or a stream, that fails at everything."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def fail(*_: object, **__: object) -> object:
            raise OSError(SECRET)

        return fail


def test_broken_sinks_change_no_verdict(served: Served) -> None:
    samples = [{}, {"args": {"order_id": "R1", "amount": 300}}, {"tool": "refnd"}]
    before = [check(served, **each)["model"] for each in samples]
    telemetry = served.app.state.service.telemetry
    telemetry.add("logs", Broken())
    telemetry.add("traces", Broken())
    assert [check(served, **each)["model"] for each in samples] == before
    assert served.value("licet_telemetry_failures_total", sink="traces") == 6  # calls and requests
    assert served.value("licet_telemetry_failures_total", sink="logs") > 3
    telemetry.add("metrics", Broken())
    assert [check(served, **each)["model"] for each in samples] == before
    telemetry.close()


def test_a_collector_that_is_away_changes_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    guard = shop(tmp_path, POLICY, tenant="one")
    told = settings_of({"telemetry": {"otlp": "http://127.0.0.1:9", "logs": False}})
    app = create_app(guard, told, keys=keys())
    assert ask(app, "POST", "/v1/check", role="host", json=call()).json()["allowed"]
    app.state.service.telemetry.close()
    close(app)


def test_rules_beyond_the_bound_are_counted_together() -> None:
    metrics = Metrics()
    made = {
        "id": "i", "request": None, "tenant": "one", "caller": "c", "tool": None, "call": None,
        "outcome": "deny", "kind": "forbidden", "observed": None, "approval": None, "policy": "p",
        "solver_unknown": True, "budgets": (), "seconds": 0.1, "waits": {},
    }  # fmt: skip
    for number in range(MAX_RULES + 7):
        metrics.decided(Decision(rules=(f"rule_{number}",), **made))  # type: ignore[arg-type]
    families = text_string_to_metric_families(metrics.text(lambda _: True).decode())
    samples = [s for family in families for s in family.samples]
    rules = {s.labels["rule"]: s.value for s in samples if s.name == "licet_rule_verdicts_total"}
    assert len(rules) == MAX_RULES + 1
    assert rules[OTHER] == 7
    unknown = [s.value for s in samples if s.name == "licet_solver_unknowns_total"]
    assert unknown == [MAX_RULES + 7]


def test_a_collector_is_a_url_without_a_user() -> None:
    for otlp in ("collector:4318", "http://user:pass@collector", "file:///etc/passwd"):
        with pytest.raises(SettingsError, match=r"service\.telemetry") as raised:
            settings_of({"telemetry": {"otlp": otlp}})
        assert "pass" not in str(raised.value)
