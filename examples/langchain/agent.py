"""A LangChain agent whose refunds are guarded. Runs offline: its model is a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from licet import Guard
from licet.adapters.frameworks.langchain import GuardMiddleware


@tool
def refund(order_id: str, amount: float) -> str:
    """Pay an order back."""
    return f"paid {amount:g} for {order_id}"


class Script(GenericFakeChatModel):
    def bind_tools(self, *_: Any, **__: Any) -> Any:
        return self


def call(id: str, amount: float) -> AIMessage:
    args = {"order_id": "R1", "amount": amount}
    return AIMessage(content="", tool_calls=[{"name": "refund", "args": args, "id": id}])


def show(state: dict[str, Any]) -> None:
    for message in state["messages"]:
        if isinstance(message, ToolMessage):
            print(f"{message.tool_call_id}: {message.content}")


with Guard.load(Path(__file__).parent / "refunds.licet") as guard:
    session = guard.session(principal={"id": "a1", "manager": False})
    agent = create_agent(
        Script(messages=iter([call("c1", 2_000), call("c2", 40), call("c3", 600), "done"])),
        tools=[refund],
        middleware=[GuardMiddleware(session)],  # the one line
        checkpointer=InMemorySaver(),
    )
    thread: Any = {"configurable": {"thread_id": "1"}}
    state = agent.invoke({"messages": [("user", "Refund R1.")]}, thread)
    (waiting,) = state["__interrupt__"]
    print("asked:", waiting.value["tool"], waiting.value["args"])
    guard.approve(waiting.value["approval"], approver={"id": "boss", "manager": True})
    show(agent.invoke(Command(resume=True), thread))
