"""An MCP server in raw lines whose one tool is answered as told: for what no SDK would send.

Arguments: the file to write calls to, and the `result` or `error` member of every answer, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
ANSWERS: dict[str, dict[str, Any]] = {
    "initialize": {
        "result": {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "odd", "version": "0"},
        }
    },
    "tools/list": {"result": {"tools": [{"name": "pay", "inputSchema": SCHEMA}]}},
    "ping": {"result": {}},
    "tools/call": json.loads(sys.argv[2]),
}
UNKNOWN = {"error": {"code": -32601, "message": "there is no such method"}}

for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "tools/call":
        with Path(sys.argv[1]).open("a", encoding="utf-8") as ledger:
            ledger.write(json.dumps(message["params"]["arguments"]) + "\n")
    if "id" in message and "method" in message:
        answer = ANSWERS.get(message["method"], UNKNOWN)
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
