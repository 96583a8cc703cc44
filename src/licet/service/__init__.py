"""HTTP to guard: routes, messages, auth, store, audit, telemetry, client."""
