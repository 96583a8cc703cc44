import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compiler.builtins import BUILTINS
from licet.compiler.types import Value
from licet.compiler.values import conforms

CALL = {name: function.call for name, function in BUILTINS.items()}


def path_record(absolute: bool, *segments: str, extension: str | None = None) -> Value:
    name = segments[-1] if segments else None
    return {"absolute": absolute, "segments": segments, "name": name, "extension": extension}


def url_record(**parts: Value) -> Value:
    plain = {"port": None, "path": path_record(True), "query": None, "fragment": None}
    return {"scheme": "https", "host": "a.com"} | plain | parts


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("https://a.com", url_record()),
        ("HTTPS://A.Com/", url_record()),
        ("https://a.com:8443", url_record(port=8443)),
        (
            "https://a.com/b/c.txt",
            url_record(path=path_record(True, "b", "c.txt", extension="txt")),
        ),
        ("https://a.com/b/", url_record(path=path_record(True, "b"))),
        ("https://a.com/b%20%C3%A9", url_record(path=path_record(True, "b é"))),
        ("https://a.com?", url_record(query="")),
        ("https://a.com/?a=%2e/../?#f/?", url_record(query="a=%2e/../?", fragment="f/?")),
        ("ftp+x://127.0.0.1", url_record(scheme="ftp+x", host="127.0.0.1")),
        ("https://[2001:DB8::1]:80", url_record(host="2001:db8::1", port=80)),
        ("https://localhost", url_record(host="localhost")),
        ("https://xn--e1afmkfd.com", url_record(host="xn--e1afmkfd.com")),
    ],
)
def test_url(text: str, record: Value) -> None:
    assert CALL["url"](text) == record
    assert conforms(record, BUILTINS["url"].result)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.com",
        "//a.com",
        "https:a.com",
        "https:/a.com",
        "https:///a",
        "javascript:alert(1)",
        "https://u@a.com",
        "https://u:p@a.com",
        "https://good.com@evil.com",
        "https://good.com%40evil.com",
        "https://good.com\\@evil.com",
        "https://good.com\\.evil.com",
        "https://a.com:",
        "https://a.com:0",
        "https://a.com:080",
        "https://a.com:65536",
        "https://a.com:80:80",
        "https://a..com",
        "https://.a.com",
        "https://a.com.",
        "https://-a.com",
        "https://a_b.com",
        "https://" + "a" * 64 + ".com",
        "https://é.com",
        "https://a。com",
        "https://2130706433",
        "https://0x7f000001",
        "https://0x7f.1",
        "https://0177.0.0.1",
        "https://127.1",
        "https://127.0.0.01",
        "https://127.0.0.256",
        "https://1.2.3.4.5",
        "https://[::ffff:127.0.0.1]",
        "https://[::ffff:7f00:1]",
        "https://[::1%25eth0]",
        "https://[::1",
        "https://::1",
        "https://a.com/../b",
        "https://a.com/./b",
        "https://a.com/..",
        "https://a.com/%2e%2e/b",
        "https://a.com/.%2E/b",
        "https://a.com/b%2fc",
        "https://a.com/b%5cc",
        "https://a.com/b%00",
        "https://a.com/b%0a",
        "https://a.com/%252e",
        "https://a.com/%61dmin",
        "https://a.com/%",
        "https://a.com/%zz",
        "https://a.com/%ff",
        "https://a.com/%c0%ae",
        "https://a.com/%e2%80%ae",
        "https://a.com//b",
        "https://a.com/b//",
        "https://a.com/b;c",
        "https://a.com/b\\c",
        "https://a.com/ b",
        "https://a.com/b\n",
        "https://a.com/\tb",
        " https://a.com",
        "https://a.com/é",
        'https://a.com/"',
        "https://a.com/<b>",
        "https://a.com#a#b",
    ],
)
def test_no_url(text: str) -> None:
    assert CALL["url"](text) is None


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("a@b.com", {"local": "a", "domain": "b.com"}),
        ("First.Last+tag@Sub.B.Com", {"local": "First.Last+tag", "domain": "sub.b.com"}),
        ("o'brien@b.com", {"local": "o'brien", "domain": "b.com"}),
    ],
)
def test_email(text: str, record: Value) -> None:
    assert CALL["email"](text) == record


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "@b.com", "a@", "a@b", "a@b.com.", "a@@b.com", "a@b@c.com", "a@b.com,c@d.com"),
        *("a@b.com;c@d.com", "a b@c.com", '"a"@b.com', "a(x)@b.com", "<a@b.com>", "A <a@b.com>"),
        *("a..b@c.com", ".a@b.com", "a.@b.com", "a@1.2.3.4", "a@[1.2.3.4]", "a@b.com\n", "é@b.com"),
        *("a@é.com", "a%evil.com@b.com", "evil.com!a@b.com", "a@b_c.com", "a" * 65 + "@b.com"),
    ],
)
def test_no_email(text: str) -> None:
    assert CALL["email"](text) is None


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("/", path_record(True)),
        ("/a/b", path_record(True, "a", "b")),
        ("/a/b/", path_record(True, "a", "b")),
        ("a", path_record(False, "a")),
        ("a/b.tar.gz", path_record(False, "a", "b.tar.gz", extension="gz")),
        ("/.bashrc", path_record(True, ".bashrc")),
        ("/a.", path_record(True, "a.")),
        ("/é f", path_record(True, "é f")),
        ("/...", path_record(True, "...")),
    ],
)
def test_path(text: str, record: Value) -> None:
    assert CALL["path"](text) == record
    assert conforms(record, BUILTINS["path"].result)


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "..", "/..", "/a/../b", "/a/./b", "./a", "a/..", "//", "//a", "/a//b", "/a//"),
        *("a\\b", "C:/a", "c:a", "\\\\host\\a", "~", "~/a", "~root/a", "/a\0", "/a\n", "/a\x7f"),
        *("/a\u202eb", "/a\u200b", "/%2e%2e/a", "/a%2Fb", "/a%5cb", "/a%00", "/%252e", "/\ud800"),
    ],
)
def test_no_path(text: str) -> None:
    assert CALL["path"](text) is None


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ("/srv/data/x", "/srv/data", True),
        ("/srv/data", "/srv/data/", True),
        ("/srv/data-evil", "/srv/data", False),
        ("/srv", "/srv/data", False),
        ("/x", "/", True),
        ("x", "/", False),
        ("a/b", "a", True),
        ("/srv/data", "/srv/../srv", False),
    ],
)
def test_path_under(inner: str, outer: str, expected: bool) -> None:
    assert CALL["path_under"](CALL["path"](inner), outer) is expected


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("8.8.8.8", {"public"}),
        ("2606:4700::1111", {"public"}),
        ("10.1.2.3", {"private"}),
        ("172.31.0.1", {"private"}),
        ("fd00::1", {"private"}),
        ("127.8.0.1", {"loopback"}),
        ("::1", {"loopback"}),
        ("169.254.169.254", {"link_local"}),
        ("fe80::1", {"link_local"}),
        ("239.0.0.1", {"multicast"}),
        ("ff02::1", {"multicast"}),
        ("0.0.0.0", {"unspecified"}),
        ("::", {"unspecified"}),
        ("100.64.0.1", set()),
        ("0.1.2.3", set()),
        ("255.255.255.255", set()),
        ("2002:7f00:1::", set()),
        ("2001:db8::1", set()),
    ],
)
def test_ip(text: str, kinds: set[str]) -> None:
    record = CALL["ip"](text)
    assert isinstance(record, dict)
    assert {name for name, value in record.items() if value is True} == kinds
    assert record["text"] == text
    assert conforms(record, BUILTINS["ip"].result)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1.2.3", "1.2.3.4.5", "01.2.3.4", "0x1.2.3.4", "256.1.1.1", "1.2.3.4 ", "16909060"),
        *("::ffff:1.2.3.4", "::ffff:102:304", "::1.2.3.4", "64:ff9b::1", "fe80::1%eth0", "[::1]"),
        *("1::2::3", ":::", "12345::", "١.2.3.4", "1.2.3.4/32", "::2"),
    ],
)
def test_no_ip(text: str) -> None:
    assert CALL["ip"](text) is None


def test_ip_has_one_spelling() -> None:
    assert CALL["ip"]("2001:0DB8:0:0::1") == CALL["ip"]("2001:db8::1")


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("10.0.0.0/8", {"version": 4, "text": "10.0.0.0/8", "network": "10.0.0.0", "prefix": 8}),
        ("0.0.0.0/0", {"version": 4, "text": "0.0.0.0/0", "network": "0.0.0.0", "prefix": 0}),
        ("::/0", {"version": 6, "text": "::/0", "network": "::", "prefix": 0}),
        ("10.0.0.1/8", None),
        ("10.0.0.0", None),
        ("10.0.0.0/33", None),
        ("10.0.0.0/08", None),
        ("10.0.0.0/255.0.0.0", None),
        ("10/8", None),
        ("10.0.0.0/8/8", None),
        ("10.0.0.0/-1", None),
    ],
)
def test_cidr(text: str, record: Value) -> None:
    assert CALL["cidr"](text) == record


def test_networks() -> None:
    address, network = CALL["ip"]("10.1.2.3"), CALL["cidr"]("10.1.0.0/16")
    assert CALL["ip_within"](address, "10.0.0.0/8") is True
    assert CALL["ip_within"](address, "11.0.0.0/8") is False
    assert CALL["ip_within"](address, "::/0") is False
    assert CALL["ip_within"](address, "10.0.0.1/8") is False
    assert CALL["cidr_within"](network, "10.0.0.0/8") is True
    assert CALL["cidr_within"](network, "10.1.0.0/24") is False
    assert CALL["cidr_overlaps"](network, "10.1.0.0/24") is True
    assert CALL["cidr_overlaps"](network, "10.2.0.0/16") is False
    assert CALL["cidr_overlaps"](network, "::/0") is False


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("int", "0", 0),
        ("int", "-12", -12),
        ("int", "9" * 100, 10**100 - 1),
        ("int", "9" * 101, None),
        ("int", "007", None),
        ("int", "+1", None),
        ("int", "1_000", None),
        ("int", "1.0", None),
        ("int", " 1", None),
        ("int", "٣", None),
        ("int", "1\n", None),
        ("decimal", "2.00", 2),
        ("decimal", ".5", None),
        ("decimal", "1.", None),
        ("decimal", "1e3", None),
        ("decimal", "NaN", None),
        ("decimal", "0." + "0" * 100, None),
        ("date", "2026-02-29", None),
        ("json", '{"a": [1, "x"]}', {"a": (1, "x")}),
        ("json", '{"a":1,"a":2}', None),
        ("json", "null", None),
        ("json", "[" * 100, None),
        ("lower", "ÀBc", "Àbc"),
        ("lower", "K\u212a", "k\u212a"),
    ],
)
def test_text_functions(name: str, text: str, value: Value) -> None:
    assert CALL[name](text) == value


def test_time_reads_a_zone() -> None:
    assert CALL["time"]("1970-01-01T00:00", "Europe/London") == -3_600_000_000
    assert CALL["time"]("1970-01-01T00:00Z", "Europe/London") == 0
    assert CALL["time"]("1970-01-01T00:00Z", "Nowhere") is None


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("cancel R1.", "R1", True),
        ("R1", "R1", True),
        ("R12 XR1 R1_", "R1", False),
        ("R12, R1", "R1", True),
        ("“R1”", "R1", True),
        ("id:R1;", "R1", True),
        ("R1,R2", "R2", True),
        ("to bob@x.com.", "bob@x.com", True),
        ("bob@x.com", "x.com", False),
        ("bob@x.com", "bob", False),
        ("evil-x.com", "x.com", False),
        ("x.com.evil.org", "x.com", False),
        ("1,000", "1", False),
        ("100.50", "100", False),
        ("pay 100. Then", "100", True),
        ("/etc/passwd", "passwd", False),
        ("R\u200b1", "1", False),
        ("Ré1", "R", False),
        ("anything", "", False),
        ("", "", False),
        ("a b", "a b", True),
        ("x-700", "-700", False),
    ],
)
def test_mentions(text: str, value: str, expected: bool) -> None:
    assert CALL["mentions"](text, value) is expected


@given(st.text("ab ", max_size=300), st.text("ab ", min_size=1, max_size=4))
def test_long_and_short_needles_are_found_alike(text: str, value: str) -> None:
    long_text, long_value = text.replace("a", "a" * 200), value.replace("a", "a" * 200)
    assert CALL["mentions"](long_text, long_value) == CALL["mentions"](text, value)


@pytest.mark.parametrize("name", ["url", "email", "path", "ip", "cidr", "json", "lower", "int"])
@pytest.mark.parametrize(
    "text", ["a" * 100_000, "a." * 50_000, "/a" * 50_000, "https://a/" + "%20" * 30_000]
)
def test_views_take_linear_time(name: str, text: str) -> None:
    CALL[name](text)


def test_mentions_takes_linear_time() -> None:
    assert CALL["mentions"]("a" * 100_000, "a" * 50_000) is False
    assert CALL["mentions"]("a " * 50_000, "a " * 20_000 + "b") is False
