"""What a model is told after a refusal: all that helps the first time, then less, and firmer.

Only what a verdict shows to a model goes in (`Verdict.for_model`): no hidden value, no ticket, no
id of an approval.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Hashable

from licet.verifier.verdict import Verdict

#: How many different refusals of one session are remembered; the oldest is forgotten first.
MOST = 1_000

#: Sessions whose refusals are counted; the oldest is forgotten first.
MOST_SESSIONS = 1_000

#: No character of a text to a model after this one: a call's own words may stand in it.
LONGEST = 8_000


class Feedback:
    """Counts the equal refusals of one session. Safe to share between threads."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()

    def text(self, verdict: Verdict) -> str:
        """What to say of a verdict that is not an allow."""
        plain = verdict.for_model()
        written = json.dumps(plain, sort_keys=True, default=str).encode("utf-8", "replace")
        times = self._count(hashlib.sha256(written).digest())
        if verdict.outcome == "escalate" or verdict.kind in ("undetermined", "fault"):
            # Nothing that the model could mend: the same call is right once this is settled.
            said = verdict.message if times == 1 else _still(verdict)
        elif times == 1:
            said = verdict.message
        else:
            said = _again(verdict) if times == 2 else _stop(verdict)
        return said[:LONGEST]

    def _count(self, key: bytes) -> int:
        with self._lock:
            times = self._seen[key] = self._seen.get(key, 0) + 1
            self._seen.move_to_end(key)
            if len(self._seen) > MOST:
                self._seen.popitem(last=False)
        return times


class Feedbacks:
    """The feedback of many sessions, for a door that they share. Safe to share between threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Feedback] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: Hashable) -> Feedback:
        with self._lock:
            found = self._known.setdefault(session, Feedback())
            self._known.move_to_end(session)
            if len(self._known) > MOST_SESSIONS:
                self._known.popitem(last=False)
            return found


def unavailable(tool: str) -> str:
    """The guard itself failed: nothing is known, so nothing runs."""
    return f"{tool[:200]} was not run: whether it is permitted could not be decided."


def changed(tool: str) -> str:
    """The tool is not as it was when its rules were reviewed."""
    return f"{tool[:200]} was not run: it has changed since its rules were reviewed."


def altered(tool: str) -> str:
    """Between the check and the tool something changed; an operator finds the reason in the log."""
    return f"{tool[:200]} was not run: it is not the call that was permitted."


def _nearest(verdict: Verdict) -> str:
    """The arguments of the nearest permitted call, as data that can be copied."""
    repair = verdict.repair
    if repair is None or not repair.shown or repair.args is None or repair.outcome != "allow":
        return ""
    return f"Permitted would be: {json.dumps(dict(repair.args), default=str)}"


def _rules(verdict: Verdict) -> str:
    names = dict.fromkeys(v.rule for v in verdict.violations if v.rule is not None)
    return f" (rule {', '.join(names)})" if names else ""


def _again(verdict: Verdict) -> str:
    said = f"{verdict.tool[:200]} was refused again for the same reason{_rules(verdict)}."
    nearest = _nearest(verdict)
    return f"{said} {nearest}" if nearest else f"{said} Change the call."


def _stop(verdict: Verdict) -> str:
    return f"Stop. {verdict.tool[:200]} stays refused{_rules(verdict)}."


def _still(verdict: Verdict) -> str:
    if verdict.outcome == "escalate":
        return f"{verdict.tool[:200]} still waits for approval{_rules(verdict)}."
    return f"{verdict.tool[:200]} can still not be decided."
