"""A refund desk as an MCP server."""

from __future__ import annotations

from mcp.server import MCPServer

desk = MCPServer("desk", instructions="Refunds for orders.")


@desk.tool()
def refund(order: str, amount: int) -> dict[str, str | int]:
    """Pay money back for an order."""
    return {"order": order, "paid": amount}


if __name__ == "__main__":
    desk.run("stdio")
