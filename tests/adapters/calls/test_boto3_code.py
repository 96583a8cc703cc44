"""boto3 code is read as the calls that it makes, or not at all."""

import pytest

from licet.adapters.calls.boto3_code import read
from licet.adapters.calls.reading import UnreadableCallError, WrittenCall

HEAD = 'import boto3\nc = boto3.client("s3")\n'


def test_straight_code() -> None:
    code = '''
"""Puts an object."""
import boto3 as aws

session = aws.Session(profile_name="p")
s3 = session.client("s3", region_name="eu-west-1")
bucket: str = "b"
tags = {"a": [1, -2.5, None, True]}
answer = s3.put_object(Bucket=bucket, Key="k", Body=b"hi", Metadata=tags)
print("done", answer["ETag"])
boto = aws.client(service_name="dynamodb")
boto.list_tables(**{"Limit": 5})
s3.list_all_my_buckets()
'''
    assert read(code) == (
        WrittenCall(
            "s3.PutObject",
            {"Bucket": "b", "Key": "k", "Body": "hi", "Metadata": {"a": [1, -2.5, None, True]}},
            9,
        ),
        WrittenCall("dynamodb.ListTables", {"Limit": 5}, 12),
        WrittenCall("s3.list_all_my_buckets", {}, 13),
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os", "a statement `import` is not read"),
        ("for x in [1]:\n  c.list_buckets()", "a statement `for` is not read"),
        ("if True:\n  c.list_buckets()", "a statement `if` is not read"),
        ("def f(): c.list_buckets()", "a statement `functiondef` is not read"),
        ("exec('c.list_buckets()')", "only clients of boto3 are called"),
        ("getattr(c, 'list_buckets')()", "only clients of boto3 are called"),
        ("f = c.list_buckets\nf()", "an expression `attribute` is not read"),
        ("c.put_object(Bucket=f'{c}', Key='k')", "an expression `joinedstr` is not read"),
        ("c.put_object(Bucket=open('x').read())", "only clients of boto3 are called"),
        ("c.put_object(Bucket=name)", "`name` is not known"),
        ("c.delete_object(**c.get_object(Bucket='b', Key='k'))", "an argument is computed"),
        (
            "r = c.list_buckets()\nc.delete_bucket(Bucket=r['Buckets'][0])",
            "an argument is computed",
        ),
        ("c.get_paginator('list_objects_v2')", "`get_paginator` is no operation"),
        ("c._make_api_call('DeleteBucket', {})", "`_make_api_call` is no operation"),
        ("boto3.resource('s3')", "`resource` of boto3 is not read"),
        ("boto3.client('s3', endpoint_url='http://evil.test')", "a client takes a service"),
        ("print = c\nprint(1)", "`print` is another thing here"),
        ("[c.list_buckets() for _ in range(9)]", "an expression `listcomp` is not read"),
        ("c.a = 1", "a statement `assign` is not read"),
        ("c.delete_bucket('b')", "a client takes its arguments by name"),
        ("c.delete_bucket(Bucket='a', **{'Bucket': 'b'})", "`Bucket` is given twice"),
        ("lambda: c.list_buckets()", "an expression `lambda` is not read"),
        ("(", "this is no Python"),
        ("\0", "this is no Python"),
        ("c.x(A=" + "[" * 3_000 + "]" * 3_000 + ")", "this is no Python"),
        ("#" * 100_001, "the code is longer"),
    ],
)
def test_what_could_hide_a_call_is_refused(code: str, reason: str) -> None:
    with pytest.raises(UnreadableCallError) as refused:
        read(HEAD + code)
    assert refused.value.reason.startswith(reason)
