"""The checks of `licet lint`, one file each: its docstring is its page, `find` does the work.

The pages in `policy_lang/codes`, which `licet explain` shows, are these docstrings; a test keeps
them equal.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from . import (
    all_over_empty,
    decided_by_type,
    default_opens,
    destructive_without_condition,
    escalation_unreachable,
    fact_without_resolver,
    hidden_calls,
    impossible_order,
    limit_without_effect,
    moot_bound,
    newly_matched_tool,
    nobody_can_approve,
    pending_prerequisite,
    permit_overridden,
    product_of_variables,
    rule_always_applies,
    rule_never_applies,
    rule_redundant,
    tool_not_permitted,
    unused_declaration,
)

#: Every check, in the order of its code.
CHECKS: Final[tuple[ModuleType, ...]] = (
    rule_never_applies,
    rule_always_applies,
    rule_redundant,
    permit_overridden,
    tool_not_permitted,
    destructive_without_condition,
    moot_bound,
    decided_by_type,
    product_of_variables,
    fact_without_resolver,
    default_opens,
    pending_prerequisite,
    newly_matched_tool,
    all_over_empty,
    hidden_calls,
    unused_declaration,
    escalation_unreachable,
    impossible_order,
    nobody_can_approve,
    limit_without_effect,
)
