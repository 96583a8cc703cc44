"""Hypothesis profiles: LICET_HYPOTHESIS_PROFILE chooses one, `ci` unless told."""

import os

from hypothesis import HealthCheck, settings

# Said out, because Hypothesis derandomizes by itself where it sees CI=true.
settings.register_profile("ci", derandomize=False, deadline=None, print_blob=True)
for name, examples in (("thorough", 20_000), ("nightly", 200_000)):
    settings.register_profile(
        name,
        parent=settings.get_profile("ci"),
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("LICET_HYPOTHESIS_PROFILE", "ci"))
