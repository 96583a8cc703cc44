"""The views that configuration is made of: quantities, images, versions, ARNs, texts by pattern."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compiler.builtins import BUILTINS
from licet.compiler.types import Value
from licet.compiler.values import conforms

CALL = {name: function.call for name, function in BUILTINS.items()}
SHA = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("2", 2),
        ("+2", 2),
        ("-1.5", Fraction(-3, 2)),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("500m", Fraction(1, 2)),
        ("1500m", Fraction(3, 2)),
        ("1u", Fraction(1, 10**6)),
        ("100n", Fraction(1, 10**7)),
        ("1k", 1000),
        ("1M", 10**6),
        ("1.5G", 1_500_000_000),
        ("1E", 10**18),
        ("1e3", 1000),
        ("1E3", 1000),
        ("12E-1", Fraction(6, 5)),
        ("1Ki", 1024),
        ("2Gi", 2**31),
        ("1Ei", 2**60),
        *(
            (odd, None)
            for odd in ("", "m", "1 Gi", " 1", "1gi", "1K", "1ki", "1Zi", "1mm", "1e", "1e3Ki")
        ),
        *(
            (odd, None)
            for odd in ("0x1", "1_000", "1,5", "١", "NaN", "1e100", "+", ".", "1..2", "--1")
        ),
        ("9" * 101, None),
        ("9" * 100, int("9" * 100)),
    ],
)
def test_quantities(text: str, amount: Value) -> None:
    assert CALL["quantity"](text) == amount


def image(repository: str, registry: str = "docker.io", **parts: Value) -> Value:
    name = f"{registry}/{repository}"
    plain = {"tag": None, "digest": None}
    return {"registry": registry, "repository": repository, "name": name} | plain | parts


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("nginx", image("library/nginx")),
        ("nginx:1.25", image("library/nginx", tag="1.25")),
        ("team/app", image("team/app")),
        ("docker.io/nginx", image("library/nginx")),
        ("index.docker.io/nginx", image("library/nginx")),
        ("registry.example/app", image("app", "registry.example")),
        ("Registry.example:5000/a/b:v1", image("a/b", "registry.example:5000", tag="v1")),
        ("localhost/app", image("app", "localhost")),
        ("app:5000", image("library/app", tag="5000")),
        (f"a/b@{SHA}", image("a/b", digest=SHA)),
        (f"a/b:c@{SHA}", image("a/b", tag="c", digest=SHA)),
        ("a__b/c-d.e", image("a__b/c-d.e")),
        *(
            (odd, None)
            for odd in ("", ":tag", "a:", "a@", f"@{SHA}", "a/", "/a", "a//b", "a b", "A")
        ),
        *(
            (odd, None)
            for odd in ("a/B", "a:t:u", "a:-t", "a@sha256:00", f"a@{SHA.upper()}", "-a", "a..b")
        ),
        *(
            (odd, None)
            for odd in ("https://a/b", "a\u0430", "r.io:0/a", "r.io:99999/a", "a/./b", "a\nb")
        ),
        ("a/" * 200 + "b", None),
    ],
)
def test_images(text: str, record: Value) -> None:
    assert CALL["image"](text) == record


VERSIONS = (
    *("0.9.10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"),
    *("1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1-0", "v1.2.0", "1.10.0", "2.0.0"),
)


@pytest.mark.parametrize("text", VERSIONS)
def test_versions_in_their_order(text: str) -> None:
    """The order of semver.org's own example, and of numbers as numbers."""
    here = VERSIONS.index(text)
    version = CALL["version"](text)
    before = [CALL["version_before"](CALL["version"](other), version) for other in VERSIONS]
    assert before == [place < here for place in range(len(VERSIONS))]


def test_builds_do_not_count_for_the_order() -> None:
    one, two = CALL["version"]("1.0.0+a"), CALL["version"]("1.0.0+b")
    assert one != two
    assert not CALL["version_before"](one, two)
    assert not CALL["version_before"](two, one)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.03", "1.2.3-", "1.2.3-01", "1.2.3+"),
        *("V1.2.3", "vv1.2.3", "1.2.3 ", "1.2.x", "-1.2.3", "1.2.3-a..b", "1.2.3-é"),
        f"1.2.{'9' * 19}",
    ],
)
def test_odd_versions(text: str) -> None:
    assert CALL["version"](text) is None


def arn(resource: str, **parts: Value) -> Value:
    plain = {"partition": "aws", "service": "s3", "region": None, "account": None}
    return plain | {"resource": resource} | parts


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("arn:aws:s3:::bucket/key", arn("bucket/key")),
        (
            "arn:aws-us-gov:iam::123456789012:role/a:b",
            arn("role/a:b", partition="aws-us-gov", service="iam", account="123456789012"),
        ),
        (
            "arn:aws:sns:eu-west-1:123456789012:topic",
            arn("topic", service="sns", region="eu-west-1", account="123456789012"),
        ),
        ("arn:aws:iam::aws:policy/ReadOnly", arn("policy/ReadOnly", service="iam", account="aws")),
        *(
            (odd, None)
            for odd in ("", "arn:aws:s3:::", "ARN:aws:s3:::b", "arn:gcp:s3:::b", "arn:aws:s3:b")
        ),
        *(
            (odd, None)
            for odd in (
                "arn:aws:s3::12345678901:b",
                "arn:aws:s3:*::b",
                "arn:aws:s3::: b",
                "arn:aws:S3:::b",
            )
        ),
    ],
)
def test_arns(text: str, record: Value) -> None:
    assert CALL["arn"](text) == record


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("dev@a.com", r"^[a-z]+@[a-z]+\.com$", True),
        ("x dev@a.com", r"^[a-z]+@[a-z]+\.com$", False),
        ("x dev", "dev", True),
        ("dev x", "^dev", True),
        ("x dev", "^dev", False),
        ("b", "^a$|^b$", True),
        ("ab", "^a$|b$", True),
        ("", "", True),
        ("a\nb", "^a$", False),
        *(("a", bad, None) for bad in ("(", "a(?=b)", r"(a)\1", "*", "[z-a]", "a^b", "a{2,1}")),
    ],
)
def test_search(text: str, pattern: str, found: bool | None) -> None:
    assert CALL["search"](text, pattern) is found


@pytest.mark.parametrize(
    ("text", "glob", "fits"),
    [
        ("", "", True),
        ("", "*", True),
        ("a", "", False),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
        ("reg/team/app", "reg/*", True),
        ("reg/", "reg/*", True),
        ("xreg/", "reg/*", False),
        ("aXbYc", "a*b*c", True),
        ("abc", "a*c*b*c", False),
        ("aba", "aba*aba", False),
        ("ab", "**a**b**", True),
        ("a\nb", "a*b", True),
    ],
)
def test_like(text: str, glob: str, fits: bool) -> None:
    assert CALL["like"](text, glob) is fits


@given(st.text("ab*", max_size=8), st.text("ab*", max_size=6))
def test_like_means_its_definition(text: str, glob: str) -> None:
    """A star stands for any text, by the definition spelt out letter by letter."""

    def fits(i: int, j: int) -> bool:
        if j == len(glob):
            return i == len(text)
        if glob[j] == "*":
            return fits(i, j + 1) or (i < len(text) and fits(i + 1, j))
        return i < len(text) and text[i] == glob[j] and fits(i + 1, j + 1)

    assert CALL["like"](text, glob) is fits(0, 0)


def test_split_and_type_of() -> None:
    assert CALL["split"]("a,b,,c", ",") == ("a", "b", "", "c")
    assert CALL["split"]("", ",") == ("",)
    assert CALL["split"]("abc", "") == ("abc",)
    documents = (None, True, 0, Fraction(1, 2), "", (), {})
    labels = ["null", "boolean", "number", "number", "string", "array", "object"]
    assert [CALL["type_of"](document) for document in documents] == labels


@given(st.text(max_size=60))
def test_all_of_them_take_every_text(text: str) -> None:
    for name in ("quantity", "image", "version", "arn"):
        assert conforms(CALL[name](text), BUILTINS[name].result)
