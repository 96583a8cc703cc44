"""Amazon's operations as tools: what their models say is what is checked."""

import subprocess
import sys
from pathlib import Path

import pytest

from licet import Guard, PolicyError
from licet.adapters.catalogs import aws, sources
from licet.compiler.clock import clock
from licet.compiler.intake import BadValue, validator
from licet.compiler.types import EnumType, IntType, JsonType, ListType, OptionalType, RecordType

POLICY = """
policy "aws"
use tools aws "ec2", "s3"
permit reads on any when tool.read_only
permit small on ec2.RunInstances
  when args.MaxCount <= 2 and args.InstanceType ?? "t2.micro" == "t2.micro"
"""


def problems(name: str, args: object) -> list[tuple[str, str]]:
    """Kind and path of each problem; empty where the arguments are taken."""
    source, _, operation = name.partition(".")
    try:
        validator(aws.service(source).tool(operation).params, clock("UTC"))(args)
    except BadValue as bad:
        return [(p.kind, ".".join(map(str, p.path))) for p in bad.problems]
    return []


def test_an_operation_is_a_tool() -> None:
    tool = aws.service("ec2").tool("RunInstances")
    assert (tool.qualified, tool.read_only, tool.destructive) == ("ec2.RunInstances", False, True)
    assert tool.description.startswith("Launches the specified number of instances")
    count = tool.params.field("MaxCount")
    assert count is not None
    assert count.type == IntType(-(2**31), 2**31 - 1)
    kind = tool.params.field("InstanceType")
    assert kind is not None
    assert isinstance(kind.type, OptionalType)
    assert isinstance(kind.type.inner, EnumType)
    assert "t2.micro" in kind.type.inner.labels
    tags = tool.params.field("TagSpecifications")
    assert tags is not None
    assert isinstance(tags.type, OptionalType)
    assert isinstance(tags.type.inner, ListType)
    assert isinstance(tags.type.inner.element, RecordType)


def test_reads_are_hints() -> None:
    ec2 = aws.service("ec2")
    reads = [name for name in ec2.names() if ec2.tool(name).read_only]
    assert {"DescribeInstances", "GetConsoleOutput", "SearchTransitGatewayRoutes"} <= set(reads)
    assert not {"TerminateInstances", "RunInstances", "CreateTags"} & set(reads)
    assert aws.service("lambda").tool("Invoke").destructive


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("ec2.RunInstances", {"MinCount": 1, "MaxCount": 1}, []),
        ("ec2.RunInstances", {"MaxCount": 1}, [("missing", "MinCount")]),
        ("ec2.RunInstances", {"MinCount": 1, "MaxCount": 2**31}, [("out_of_range", "MaxCount")]),
        ("ec2.DescribeInstances", {"Instances": []}, [("unknown_field", "Instances")]),
        ("sqs.ListQueues", {"MaxResults": True}, [("wrong_type", "MaxResults")]),
        ("iam.GetUser", {"UserName": "a b"}, [("no_match", "UserName")]),
        ("iam.GetUser", {"UserName": ""}, [("wrong_length", "UserName")]),
        # shapes that contain themselves
        ("dynamodb.PutItem", {"TableName": "t", "Item": {"a": {"L": [{"M": {}}]}}}, []),
        (
            "dynamodb.PutItem",
            {"TableName": "t", "Item": {"a": {"L": [{"M": {"b": {"BOOL": "x"}}}]}}},
            [("wrong_type", "Item.a.L.0.M.b.BOOL")],
        ),
        # unions: exactly one member
        ("bedrock-runtime.Converse", {"modelId": "m", "system": [{"text": "a"}]}, []),
        (
            "bedrock-runtime.Converse",
            {"modelId": "m", "system": [{}]},
            [("wrong_length", "system.0")],
        ),
        (
            "bedrock-runtime.Converse",
            {"modelId": "m", "system": [{"text": "a", "cachePoint": {"type": "default"}}]},
            [("wrong_length", "system.0")],
        ),
        # timestamps: text, a day, or seconds
        ("cloudtrail.LookupEvents", {"StartTime": "2016-09-27T15:50Z"}, []),
        ("cloudtrail.LookupEvents", {"StartTime": 1475000000.5}, []),
        ("cloudtrail.LookupEvents", {"StartTime": "2016-09-27"}, []),
        ("cloudtrail.LookupEvents", {"StartTime": "2016-09-31"}, [("malformed", "StartTime")]),
        ("cloudtrail.LookupEvents", {"StartTime": "yesterday"}, [("malformed", "StartTime")]),
        ("cloudtrail.LookupEvents", {"StartTime": 1e18}, [("out_of_range", "StartTime")]),
    ],
)
def test_the_models_constraints_hold(
    name: str, args: object, expected: list[tuple[str, str]]
) -> None:
    assert problems(name, args) == expected


def test_maps_have_lengths() -> None:
    assert problems("schemas.TagResource", {"ResourceArn": "a", "Tags": {}}) == []
    assert problems("synthetics.TagResource", {"ResourceArn": "arn:aws:s3:::b", "Tags": {}}) == [
        ("no_match", "ResourceArn"),
        ("wrong_length", "Tags"),
    ]


def test_large_structures_are_documents_and_still_checked() -> None:
    tool = aws.service("securityhub").tool("BatchImportFindings")
    findings = tool.params.field("Findings")
    assert findings is not None
    assert isinstance(findings.type, ListType)
    assert isinstance(findings.type.element, JsonType)
    found = problems("securityhub.BatchImportFindings", {"Findings": [{"SchemaVersion": 1}]})
    assert ("wrong_type", "Findings.0.SchemaVersion") in found
    assert ("missing", "Findings.0.Id") in found


def test_digests_tell_operations_apart() -> None:
    s3 = aws.service("s3")
    digests = {s3.tool(name).digest for name in s3.names()}
    assert len(digests) == len(s3.names())
    assert s3.digest != aws.service("s3control").digest
    assert aws.service("s3") is s3


def test_a_policy_stands_on_services(tmp_path: Path) -> None:
    path = tmp_path / "p.licet"
    path.write_text(POLICY)
    with Guard.load(path) as guard:
        assert guard.check({"tool": "DescribeInstances", "args": {}}).allowed
        assert guard.check({"tool": "s3.ListBuckets", "args": {}}).allowed
        run = {"tool": "ec2.RunInstances", "args": {"MinCount": 1, "MaxCount": 2}}
        assert guard.check(run).allowed
        run["args"] = {"MinCount": 1, "MaxCount": 3}
        assert guard.check(run).violations[0].kind == "no_permit"
        refused = guard.check({"tool": "s3.ListAllMyBuckets", "args": {}})
        assert refused.violations[0].suggestions == ("s3.ListBuckets",)
        assert refused.message == (
            "s3.ListAllMyBuckets was refused: `s3.ListAllMyBuckets` is the name of an IAM action; "
            "the tool is `s3.ListBuckets`. Mend the call and try again."
        )
        there = guard.check({"tool": "s3.RunInstances", "args": run["args"]})
        assert there.violations[0].suggestions[0] == "ec2.RunInstances"
        assert guard.check({"tool": "ec2.RunInstances", "args": {}}).violations[0].kind == (
            "bad_argument"
        )


def test_an_alias_qualifies_and_a_clash_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "p.licet"
    path.write_text('use tools aws "s3" as store\npermit p on store.ListBuckets\n')
    with Guard.load(path) as guard:
        assert guard.check({"tool": "store.ListBuckets", "args": {}}).allowed
        assert not guard.check({"tool": "s3.ListBuckets", "args": {}}).allowed
    path.write_text('use tools aws "s3"\nuse tools aws "s3*"\npermit p on any\n')
    with pytest.raises(PolicyError, match=r"LIC102.*`s3.AbortMultipartUpload` is declared twice"):
        Guard.load(path)


def test_an_unknown_service() -> None:
    _, (unknown,) = sources.installed("aws", "ec3", None)
    assert (unknown.code, unknown.help) == ("LIC211", "did you mean `ec2`, `ecr` or `ecs`?")


def test_a_missing_package() -> None:
    code = """
import sys
sys.modules["botocore"] = None
from licet.adapters.catalogs import sources
tools, (missing,) = sources.installed("aws", "ec2", None)
print(len(tools), missing.code, missing.message)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0 LIC210 `botocore` is not installed: pip install 'licet[aws]'\n"
