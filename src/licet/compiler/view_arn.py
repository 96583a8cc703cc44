"""`arn(s)`: an Amazon resource name."""

from __future__ import annotations

import re
from typing import Final

from .types import STRING, Field, OptionalType, RecordType, Value

ARN = RecordType(
    "Arn",
    (
        Field("partition", STRING),
        Field("service", STRING),
        Field("region", OptionalType(STRING)),
        Field("account", OptionalType(STRING)),
        Field("resource", STRING),
    ),
)

_ARN: Final = re.compile(
    r"arn:(aws(?:-[a-z]+)*):([a-z0-9][a-z0-9-]{0,62}):([a-z]{2}(?:-[a-z]+)+-[0-9]{1,2})?"
    r":([0-9]{12}|aws)?:([!-~]{1,1024})"
)


def arn(text: str) -> Value:
    """The parts of an ARN, or None; a region or account that is left empty is absent."""
    match = _ARN.fullmatch(text)
    if match is None:
        return None
    partition, service, region, account, resource = match.groups()
    return {
        "partition": partition,
        "service": service,
        "region": region,
        "account": account,
        "resource": resource,
    }
