"""What one Opik SDK says, whichever generation it is: run in the SDK's own environment, prints what it made as JSON.

Reads THREAD, USER, BATCHING (1 or 0) and NOTE and IMAGE (files to attach) from the environment.
"""

import contextlib
import inspect
import json
import os
import sys
from typing import Any

import opik  # type: ignore[import-not-found]  # it is in the client's environment alone

THREAD, USER = os.environ["THREAD"], os.environ["USER"]
PROJECT = "shop"
OPENAI_USAGE = {
    "prompt_tokens": 1500,
    "completion_tokens": 200,
    "total_tokens": 1700,
    "prompt_tokens_details": {"cached_tokens": 1000},
    "completion_tokens_details": {"reasoning_tokens": 50},
}
ANTHROPIC_USAGE = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 50}
ERROR = {"exception_type": "KeyError", "message": "no such order", "traceback": "File shop.py"}


def client_of() -> Any:
    """Return a client with batching as asked for; 1.7 keeps the word to itself."""
    word = "batching" if "batching" in inspect.signature(opik.Opik.__init__).parameters else "_use_batching"
    return opik.Opik(project_name=PROJECT, **{word: os.environ["BATCHING"] == "1"})


def low_level(client: Any) -> dict[str, Any]:
    """Log a trace by hand: nested spans, updates, errors, usage, cost, scores and a file."""
    note = opik.Attachment(data=os.environ["NOTE"], file_name="note.txt", content_type="text/plain")
    trace = client.trace(
        name="order", input={"q": "why"}, metadata={"user_id": USER, "n": 1}, tags=["blue"], thread_id=THREAD, attachments=[note]
    )
    root = trace.span(name="plan", input={"steps": [1, 2]}, metadata={"tier": "gold"})
    image = opik.Attachment(data=os.environ["IMAGE"], file_name="image 1.png", content_type="image/png")
    answer = root.span(
        attachments=[image],
        name="answer",
        type="llm",
        input={"messages": [{"role": "user", "content": "Why?"}]},
        model="gpt-4o",
        provider="openai",
        usage=OPENAI_USAGE,
        tags=["s1"],
        metadata={"temperature": 0.2},
    )
    answer.end(output={"text": "Because."})
    root.span(name="claude", type="llm", model="claude-sonnet-4-5", provider="anthropic", usage=ANTHROPIC_USAGE).end()
    root.span(name="priced", type="llm", model="in-house", total_cost=0.25).end()
    root.span(name="look-up", type="tool", input={"id": 7}).end(error_info=ERROR)
    root.span(name="pii", type="guardrail").end(output={"passed": True})
    root.update(metadata={"later": True}, output={"draft": 1})
    client.flush(timeout=30)  # unbatched, the SDK sends from several threads, and the next update could overtake this one
    root.end(output={"done": True}, tags=["late"])
    trace.update(tags=["green"], metadata={"n": 2})
    trace.end(output={"a": "Because."})
    trace.log_feedback_score("quality", 0.9, category_name="good", reason="clear")
    answer.log_feedback_score("exact", 1.0)
    return {"trace": trace.id, "answer": answer.id}


@opik.track(type="tool", name="fail")  # type: ignore[untyped-decorator]
def fail(order: int) -> None:
    """Raise."""
    raise ValueError(f"order {order} is lost")


@opik.track(type="llm", name="complete")  # type: ignore[untyped-decorator]
def complete(question: str) -> str:
    """Answer as a model would."""
    opik.opik_context.update_current_span(usage=OPENAI_USAGE, model="gpt-4o", provider="openai", metadata={"seed": 1}, tags=["s2"])
    return f"{question} Because."


@opik.track(name="assist", project_name=PROJECT)  # type: ignore[untyped-decorator]
def assist(question: str) -> dict[str, str]:
    """Call a tool that fails and a model."""
    opik.opik_context.update_current_trace(
        thread_id=THREAD, tags=["tracked"], metadata={"user_id": USER}, feedback_scores=[{"name": "auto", "value": 0.5, "reason": "r"}]
    )
    MADE["tracked"] = opik.opik_context.get_current_trace_data().id
    with contextlib.suppress(ValueError):
        fail(7)
    return {"answer": complete(question)}


MADE: dict[str, Any] = {}


def threads(client: Any) -> None:
    """Close, open and score the thread, as far as this generation can."""
    client.rest_client.traces.close_trace_thread(project_name=PROJECT, thread_id=THREAD)
    client.rest_client.traces.open_trace_thread(project_name=PROJECT, thread_id=THREAD)
    try:
        from opik.api_objects.threads import threads_client  # type: ignore[import-not-found]
    except ImportError:
        return
    scores = [{"id": THREAD, "name": "helpful", "value": 1.0, "reason": "kind"}]
    threads_client.ThreadsClient(client).log_threads_feedback_scores(scores=scores, project_name=PROJECT)
    MADE["scored_thread"] = THREAD


def main() -> None:
    """Say everything, wait until it is sent, and print what was made."""
    client = client_of()
    client.auth_check()
    MADE.update(low_level(client))
    assist("Why?")
    threads(client)
    opik.flush_tracker(timeout=30)
    MADE["flushed"] = client.flush(timeout=30)
    client.rest_client.projects.create_project(name=PROJECT)
    MADE["project"] = client.rest_client.projects.retrieve_project(name=PROJECT).name
    MADE["found"] = len(client.search_traces(project_name=PROJECT))
    report = getattr(client, "get_errors_report", None)
    MADE["dropped"] = report().total_dropped_messages if report else 0
    client.end()
    sys.stdout.write(json.dumps(MADE))


if __name__ == "__main__":
    main()
