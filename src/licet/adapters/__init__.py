"""The outside's forms to ours and back: frameworks, catalogs, hooks, the MCP proxy."""
