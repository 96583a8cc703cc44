"""The small local server that decides for coding agents' hooks: one per policy and user."""
