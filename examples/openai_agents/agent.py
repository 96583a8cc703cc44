"""An agent of OpenAI's SDK whose refunds are guarded. Runs offline: its model is a script."""

from __future__ import annotations

from pathlib import Path

from agents import Agent, RunConfig, Runner, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from licet import Guard
from licet.adapters.frameworks.openai_agents import guard_tools


@function_tool
def refund(order_id: str, amount: float) -> str:
    """Pay an order back."""
    return f"paid {amount:g} for {order_id}"


def call(id: str, amount: float) -> list:
    return [function_call("refund", {"order_id": "R1", "amount": amount}, call_id=id)]


QUIET = RunConfig(tracing_disabled=True)

with Guard.load(Path(__file__).parent / "refunds.licet") as guard:
    session = guard.session(principal={"id": "a1", "manager": False})
    agent = Agent(
        name="refunds",
        model=ScriptedModel(
            [call("c1", 2_000), call("c2", 40), call("c3", 600), [assistant_message("done")]]
        ),
        tools=guard_tools(session, [refund]),  # the one line
    )
    result = Runner.run_sync(agent, "Refund R1.", run_config=QUIET)
    state = result.to_state()
    for item in result.interruptions:
        state.approve(item)
    for waiting in guard.pending():
        print("asked:", waiting.tool, waiting.args)
        guard.approve(waiting.id, approver={"id": "boss", "manager": True})
    result = Runner.run_sync(agent, state, run_config=QUIET)
    for item in result.to_input_list():
        if item.get("type") == "function_call_output":
            print(f"{item['call_id']}: {item['output']}")
