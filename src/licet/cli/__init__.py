"""The terminal to all of it: one file per verb."""
