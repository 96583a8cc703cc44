"""The guard in an agent's loop: one small interface (`gate`), and one file for each framework.

An adapter asks a `Gate` before a tool runs, puts the tool into `Gate.running`, and hands the
gate's text to the model. Nothing is imported here, so that no framework is needed for another.
"""
