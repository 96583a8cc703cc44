"""An HTTP request is read as a call of the operation that it asks for."""

from decimal import Decimal
from typing import Any

import pytest

from licet.adapters.calls.http_request import Routes
from licet.adapters.calls.reading import UnreadableCallError, WrittenCall

JSON_BODY = {"content": {"application/json": {"schema": {"type": "object"}}}}
API: dict[str, Any] = {
    "openapi": "3.0.0",
    "servers": [{"url": "https://api.example.com/v1"}],
    "paths": {
        "/pets": {
            "get": {
                "operationId": "list",
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                    {"name": "price", "in": "query", "schema": {"type": "number"}},
                    {"name": "dry", "in": "query", "schema": {"type": "boolean"}},
                    {
                        "name": "tags",
                        "in": "query",
                        "schema": {"type": "array", "items": {"type": "string"}},
                    },
                    {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                ],
            },
            "post": {"operationId": "add", "requestBody": JSON_BODY},
        },
        "/pets/mine": {"get": {"operationId": "mine"}},
        "/pets/{id}": {
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
            ],
            "get": {"operationId": "one"},
            "delete": {"operationId": "drop"},
        },
        "/files/{name}.{kind}": {
            "parameters": [
                {"name": n, "in": "path", "required": True, "schema": {"type": "string"}}
                for n in ("name", "kind")
            ],
            "get": {"operationId": "file"},
        },
        "/a/{x}": {"get": {"operationId": "ax"}},
        "/a/{y}": {"get": {"operationId": "ay"}},
    },
}
ROUTES = Routes(API, "pets")


@pytest.mark.parametrize(
    ("method", "url", "body", "expected"),
    [
        ("GET", "https://api.example.com/v1/pets", None, WrittenCall("pets.list", {})),
        (
            "get",
            "/v1/pets?limit=5&price=1.50&dry=true&tags=a&tags=b",
            None,
            WrittenCall(
                "pets.list",
                {"limit": 5, "price": Decimal("1.50"), "dry": True, "tags": ["a", "b"]},
            ),
        ),
        ("GET", "/v1/pets?tags=a,b", None, WrittenCall("pets.list", {"tags": ["a", "b"]})),
        ("GET", "/v1/pets?limit=05", None, WrittenCall("pets.list", {"limit": "05"})),
        ("GET", "/v1/pets?lmit=5", None, WrittenCall("pets.list", {"lmit": "5"})),
        ("GET", "/v1/pets/mine", None, WrittenCall("pets.mine", {})),
        ("DELETE", "/v1/pets/7", None, WrittenCall("pets.drop", {"id": 7})),
        ("GET", "/v1/pets/a%20b", None, WrittenCall("pets.one", {"id": "a b"})),
        ("POST", "/v1/pets", '{"a": 1}', WrittenCall("pets.add", {"body": {"a": 1}})),
        ("PUT", "/v1/pets", None, WrittenCall("pets.PUT /pets", {})),
        ("GET", "/v1/files/a.b", None, WrittenCall("pets.file", {"name": "a", "kind": "b"})),
    ],
)
def test_requests(method: str, url: str, body: str | None, expected: WrittenCall) -> None:
    assert ROUTES.call(method, url, body=body) == expected


def test_headers() -> None:
    assert ROUTES.call("GET", "/pets", {"x-trace": "t", "Accept": "x"}).args == {"X-Trace": "t"}


@pytest.mark.parametrize(
    ("url", "method", "headers", "body", "reason"),
    [
        ("/a/1", "GET", {}, None, "the request could be any of ax, ay"),
        ("/v1/pets/../admin", "GET", {}, None, "does not say where it leads"),
        ("/v1/pets/%2e%2e/admin", "GET", {}, None, "does not say where it leads"),
        ("/v1/pets/a%2fb", "GET", {}, None, "does not say where it leads"),
        ("/v1/pets?limit=1&limit=2", "GET", {}, None, "is given twice"),
        ("/v1/pets", "POST", {}, "{", "the body is not exact JSON"),
        ("/v1/pets", "POST", {"Content-Type": "text/xml"}, "<a/>", "is not read"),
        ("/v1/pets\r\nX: y", "GET", {}, None, "this is no address"),
        ("https://api.example.com:port/v1/pets", "GET", {}, None, "this is no address"),
        ("https://api.example.com@evil.example/v1/pets", "GET", {}, None, "where it leads"),
        ("file:///v1/pets", "GET", {}, None, "where it leads"),
        ("//api.example.com/v1/pets", "GET", {}, None, "where it leads"),
        ("https://evil.example\\@api.example.com/v1/pets", "GET", {}, None, "where it leads"),
        ("/v1/pets", "POST", {"X-HTTP-Method-Override": "PUT"}, "{}", "another method"),
        ("/v1/pets", "GET", {"X-Trace": "a", "x-trace": "b"}, None, "a header is given twice"),
    ],
)
def test_what_is_unclear_is_refused(
    url: str, method: str, headers: dict[str, str], body: str | None, reason: str
) -> None:
    with pytest.raises(UnreadableCallError, match=reason):
        ROUTES.call(method, url, headers, body)


@pytest.mark.parametrize(
    ("url", "tool"),
    [
        ("https://api.example.com:443/v1/pets", "pets.list"),
        ("https://API.example.com./v1/pets", "pets.list"),
        ("https://evil.example/v1/pets", "pets.GET https://evil.example:443/v1/pets"),
        ("http://api.example.com/v1/pets", "pets.GET http://api.example.com:80/v1/pets"),
        ("https://api.example.com:8443/v1/pets", "pets.GET https://api.example.com:8443/v1/pets"),
        ("https://api.example.com/pets", "pets.GET https://api.example.com:443/pets"),
    ],
)
def test_the_same_path_elsewhere_is_no_call_of_the_api(url: str, tool: str) -> None:
    assert ROUTES.call("GET", url) == WrittenCall(tool, {})


def test_servers_have_variables_and_may_be_named() -> None:
    region = {"enum": ["eu", "us"], "default": "eu"}
    server = {
        "url": "https://{region}.example.com/{stage}",
        "variables": {"region": region, "stage": {"default": "v2"}},
    }
    routes = Routes({**API, "servers": [server]})
    assert routes.call("GET", "https://us.example.com/v2/pets").tool == "list"
    for elsewhere in ("https://xx.example.com/v2/pets", "https://us.example.com/v3/pets"):
        assert routes.call("GET", elsewhere).tool.startswith("GET https://")
    nowhere = {key: value for key, value in API.items() if key != "servers"}
    with pytest.raises(UnreadableCallError, match="does not say at which address"):
        Routes(nowhere).call("GET", "https://api.example.com/pets")
    named = Routes(nowhere, addresses=["https://api.example.com/"])
    assert named.call("GET", "https://api.example.com/pets").tool == "list"
