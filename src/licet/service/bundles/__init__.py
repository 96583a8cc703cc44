"""Policies as a service keeps them: uploaded, compared, activated, followed by every replica.

`bundle` is what is kept, `files` and `unpacking` lead from a disk and to one; `shelf` is what
stands in the store; `examining` compiles, compares and lints in a process of its own (`examiner`);
`activating` says who may make which bundle the active one, `opening` which one that is at the
start, `following` lets this process decide by what is active. `policies` is all of it.
"""
