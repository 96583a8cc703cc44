"""The MCP proxy in the last of the handshake protocols."""

from __future__ import annotations

from support.frameworks import mcp_proxy_driver


class Driver(mcp_proxy_driver.Driver):
    MODE = "legacy"
    PROTOCOL = "2025-11-25"
