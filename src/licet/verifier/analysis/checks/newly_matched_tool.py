"""# LIC423 newly-matched-tool

A glob or `any` stands for a tool that was not there when `licet.lock` was written. `licet catalog lock` writes it anew once somebody has looked.

## Wrong

```licet
tool read_file(path: String) read_only
tool read_secrets(path: String) read_only
permit reads on read_*
```

## Right

```licet
tool read_file(path: String) read_only
tool read_secrets(path: String) read_only
permit reads on read_file
```

## Why

A catalog grows without the policy being touched. Whether the new tool belongs to the old rule is a decision, not an accident.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.policy_lang import Severity

from ..linted import Finding, Linted
from ..syntax import matching, wide_patterns
from .reporting import finding

CODE = "LIC423"


def find(policy: Linted) -> Iterator[Finding]:
    if policy.locked is None:
        return
    listed = [tool.qualified for tool in policy.program.catalog if tool.source]
    for pattern in wide_patterns(policy.program):
        new = [tool for tool in matching((pattern,), listed) if tool not in policy.locked]
        if new:
            more = f" and {len(new) - 1} more" if len(new) > 1 else ""
            yield finding(
                CODE,
                f"`{pattern.text}` now stands for `{new[0]}`{more} too",
                pattern.span,
                Severity.error,
                help="check that the rule is meant for it, then run `licet catalog lock`",
            )
