"""Coding agents' hooks: their events to calls, and verdicts to the answers that they obey."""
