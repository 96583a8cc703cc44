"""`aws …` command lines are read as calls, and nothing is run."""

import pytest

from licet.adapters.calls.aws_command import read
from licet.adapters.calls.reading import UnreadableCallError, WrittenCall


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aws s3api list-buckets", [WrittenCall("s3.ListBuckets", {})]),
        (
            "aws s3api put-object --bucket 'a b' --key k --region eu-west-1",
            [WrittenCall("s3.PutObject", {"Bucket": "a b", "Key": "k"})],
        ),
        (
            (
                "aws ec2 run-instances --image-id ami-1 --count 2 --tag-specifications "
                "'ResourceType=instance,Tags=[{Key=a,Value=b}]' --dry-run"
            ),
            [
                WrittenCall(
                    "ec2.RunInstances",
                    {
                        "ImageId": "ami-1",
                        "MinCount": 2,
                        "MaxCount": 2,
                        "TagSpecifications": [
                            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}
                        ],
                        "DryRun": True,
                    },
                )
            ],
        ),
        (
            (
                'aws dynamodb get-item --table-name t --key \'{"id": {"S": "1"}}\' && aws sts '
                "get-caller-identity"
            ),
            [
                WrittenCall("dynamodb.GetItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}),
                WrittenCall("sts.GetCallerIdentity", {}),
            ],
        ),
        ("aws ec2 help", [WrittenCall("ec2.help", {})]),
        ("aws s3api list-all-my-buckets", [WrittenCall("s3.list-all-my-buckets", {})]),
        (
            'aws s3api get-bucket-acl --cli-input-json \'{"Bucket": "b"}\'',
            [WrittenCall("s3.GetBucketAcl", {"Bucket": "b"})],
        ),
    ],
)
def test_commands(text: str, expected: list[WrittenCall]) -> None:
    assert list(read(text)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("aws s3api list-buckets | sh", "a pipeline is not read"),
        ("aws s3api delete-bucket --bucket $(cat b)", "a commandsubstitution is not read"),
        ("aws s3api delete-bucket --bucket `cat b`", "a commandsubstitution is not read"),
        ("aws s3api delete-bucket --bucket $B", "a parameter is not read"),
        ('aws s3api delete-bucket --bucket "$B"', "a parameter is not read"),
        ("aws s3api delete-bucket --bucket b*", "a shell would make something else"),
        ("aws s3api delete-bucket --bucket {a,b}", "a shell would make something else"),
        ("aws s3api delete-bucket --bucket ~", "is not read|a shell would"),
        ("aws s3api list-buckets > /etc/passwd", "a redirect is not read"),
        ("AWS_ENDPOINT_URL=x aws s3api list-buckets", "a assignment is not read"),
        ("aws s3api list-buckets &", "may not run"),
        ("aws s3api list-buckets || aws s3api list-buckets", "may not run"),
        ("if true; then aws s3api list-buckets; fi", "is not read"),
        ("for b in a; do aws s3api list-buckets; done", "is not read"),
        ("(aws s3api list-buckets)", "is not read"),
        ("sudo aws s3api list-buckets", "is no command that is read here"),
        ("aws s3 rm --recursive s3://b", "makes calls of its own"),
        ("aws configure list", "makes calls of its own"),
        ("aws s3api put-object --bucket b --key k --body file:///etc/passwd", "from elsewhere"),
        ("aws s3api list-buckets --endpoint-url=https://evil.test", "from elsewhere"),
        ("aws s3api get-bucket-acl --cli-input-json=file://x", "from elsewhere"),
        ("aws s3api put-object --bukcet b", "the AWS CLI refuses it"),
        ("aws s3api list-buckets --generate-cli-skeleton", "this makes no call"),
        ("aws", "the AWS CLI refuses it"),
        ("", "cannot be read as a shell would"),
        ("aws s3api list-buckets\x00", "has control characters"),
        ("aws 'unclosed", "cannot be read as a shell would"),
    ],
)
def test_what_could_hide_a_call_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UnreadableCallError, match=reason):
        read(text)
