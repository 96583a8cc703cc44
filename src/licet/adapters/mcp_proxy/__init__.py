"""A guard between MCP clients and servers: every `tools/call` is checked before it goes on."""

from __future__ import annotations

from .identities import Identity, IdentityError, Token
from .proxy import Proxy
from .upstreams import ServerAddress

__all__ = ["Identity", "IdentityError", "Proxy", "ServerAddress", "Token"]
