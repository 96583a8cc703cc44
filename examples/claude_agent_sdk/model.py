"""A model that is a script: the Messages API on loopback, as far as Claude Code talks to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def serving(turns: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The address of a model that makes one call of a tool after the other, then ends."""
    script = iter(turns)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
            call = next(script, None) if asked.get("tools") else None
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for kind, event in events(call):
                data = json.dumps({"type": kind, **event})
                self.wfile.write(f"event: {kind}\ndata: {data}\n\n".encode())

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def events(call: dict[str, Any] | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """A streamed message: a call, or a last word."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "script"}
    yield "message_start", {"message": {**message, "usage": usage}}
    if call is None:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": "done"}
    else:
        block = {"type": "tool_use", **call, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call["input"])}
    yield "content_block_start", {"index": 0, "content_block": block}
    yield "content_block_delta", {"index": 0, "delta": delta}
    yield "content_block_stop", {"index": 0}
    stop = {"stop_reason": "end_turn" if call is None else "tool_use", "stop_sequence": None}
    yield "message_delta", {"delta": stop, "usage": usage}
    yield "message_stop", {}
