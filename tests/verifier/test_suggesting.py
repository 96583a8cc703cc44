"""What an unknown tool was most likely meant as."""

import pytest

from licet.adapters.catalogs import aws
from licet.compiler.catalog import Catalog, Tool
from licet.compiler.clock import clock
from licet.compiler.intake import BadValue, validator
from licet.compiler.types import INT, STRING, Field, OptionalType, RecordType
from licet.verifier.suggesting import Suggestions, words


def takes(tool: Tool, args: object) -> bool:
    try:
        validator(tool.params, clock("UTC"))(args)
    except BadValue:
        return False
    return True


def tool(name: str, **fields: object) -> Tool:
    source, _, short = name.rpartition(".")
    kinds = tuple(Field(each, kind) for each, kind in fields.items())  # type: ignore[arg-type]
    return Tool(short, source, RecordType("", kinds))


DESK = Catalog(
    (
        tool("desk.get_order", id=STRING),
        tool("desk.cancel_order", id=STRING, reason=OptionalType(STRING)),
        tool("desk.refund", id=STRING, amount=INT),
        tool("shop.get_orders", owner=STRING),
        tool("shop.refund_all"),
    )
)


@pytest.fixture(scope="module")
def amazon() -> Suggestions:
    names = ("s3", "s3control", "lambda", "ec2", "lightsail", "dynamodb", "ecs", "elbv2", "iam")
    return Suggestions(Catalog(sources=tuple(map(aws.service, names))), takes)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("desk.getOrder", {"id": "1"}, ("desk.get_order", "desk.cancel_order")),
        ("get-order", {"id": "1"}, ("desk.get_order", "shop.get_orders")),
        ("shop.refund", {"id": "1", "amount": 1}, ("desk.refund", "shop.refund_all")),
        ("order_cancel", {"id": "1"}, ("desk.cancel_order", "desk.get_order")),
        ("launch_rocket", {}, ()),
        ("", {}, ()),
        ("desk.", None, ()),
    ],
)
def test_in_a_small_catalog(name: str, args: object, expected: tuple[str, ...]) -> None:
    found = Suggestions(DESK, takes).near(name, args)
    assert found[: len(expected)] == expected
    assert len(found) <= 3
    assert bool(found) == bool(expected)


@pytest.mark.parametrize(
    ("name", "args", "first"),
    [
        ("ec2.PutObject", {"Bucket": "b", "Key": "k"}, "s3.PutObject"),
        ("s3.put_object", {"Bucket": "b", "Key": "k"}, "s3.PutObject"),
        ("ec2.StartInstance", {"instanceName": "i"}, "lightsail.StartInstance"),
        ("dynamodb.BatchGetItems", {}, "dynamodb.BatchGetItem"),
        ("ecs.DescribeTabks", {}, "ecs.DescribeTasks"),
        ("ecs2.RunTask", {"taskDefinition": "t"}, "ecs.RunTask"),
        ("s3.GetLifecycleConfiguration", {"Bucket": "b"}, "s3.GetBucketLifecycleConfiguration"),
        ("elbv2.DescribeTagz", {"ResourceArns": ["a"]}, "elbv2.DescribeTags"),
    ],
)
def test_in_a_large_catalog(amazon: Suggestions, name: str, args: object, first: str) -> None:
    assert amazon.near(name, args)[0] == first


def test_words_alone_find_what_spelling_does_not(amazon: Suggestions) -> None:
    assert "lambda.Invoke" in amazon.near("lambda.InvokeFunction", {"FunctionName": "f"})
    assert "s3.ListBuckets" in amazon.near("s3.ListAllMyBuckets", {})


def test_arguments_decide_between_names_that_are_alike() -> None:
    catalog = Catalog((tool("a.get_item", id=STRING), tool("b.get_item", key=INT)))
    suggestions = Suggestions(catalog, takes)
    assert suggestions.near("c.get_item", {"key": 1}) == ("b.get_item", "a.get_item")
    assert suggestions.near("c.get_item", {"id": "1"}) == ("a.get_item", "b.get_item")


def test_words() -> None:
    assert words("ListAllMyBuckets") == ("list", "bucket")
    assert words("describe_db_instances") == ("describe", "db", "instance")
    assert words("GetBucketCORSPolicies2") == ("get", "bucket", "cor", "policy", "2")


def test_hostile_names_take_no_time(amazon: Suggestions) -> None:
    for name in (
        "a" * 100_000,
        "." * 5_000,
        "A" * 300 + ".B",
        "\ud800",
        "s3." + "ListBuckets" * 999,
    ):
        assert len(amazon.near(name, {"x": 1})) <= 3
