"""What a user's program says through LangSmith's Python SDK; runs under each generation of it. Prints what it made, as JSON."""

import contextlib
import datetime as dt
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

if find_spec("packaging") is None:  # langsmith 0.1 uses it without asking for it
    from pip._vendor import packaging
    from pip._vendor.packaging import version

    sys.modules.update({"packaging": packaging, "packaging.version": version})

import langsmith  # type: ignore[import-not-found]
from langsmith import traceable
from langsmith.run_helpers import get_current_run_tree  # type: ignore[import-not-found]

MODE, THREAD, USER, PROJECT = os.environ["MODE"], os.environ["THREAD"], os.environ["USER_ID"], "shop"
OPENAI_USAGE = {
    "input_tokens": 1500,
    "output_tokens": 200,
    "total_tokens": 1700,
    "input_token_details": {"cache_read": 1000},
    "output_token_details": {"reasoning": 50},
}
ANTHROPIC_USAGE = {
    "input_tokens": 180,
    "output_tokens": 20,
    "total_tokens": 200,
    "input_token_details": {"cache_read": 30, "ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 10},
}
WITHOUT_MULTIPART = {
    "version": "0.13.0",
    "batch_ingest_config": {
        "use_multipart_endpoint": False,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
    },
}
MADE: dict[str, Any] = {}


def client_of() -> Any:
    """Return a client that sends by `MODE`: single, batch, or multipart and zstd as the server's own answer makes it."""
    said: dict[str, Any] = {"info": WITHOUT_MULTIPART} if MODE == "batch" else {}
    return langsmith.Client(auto_batch_tracing=MODE != "single", **said)


CLIENT = client_of()


def flush() -> None:
    """Wait until everything is sent."""
    if MODE == "single":
        return
    if hasattr(CLIENT, "flush"):
        CLIENT.flush()
    CLIENT.tracing_queue.join()


def joined(pieces: list[str]) -> dict[str, Any]:
    """Put a stream together, as wrappers do."""
    return {"role": "assistant", "content": "".join(pieces), "usage_metadata": OPENAI_USAGE}


@traceable(run_type="retriever", name="search")  # type: ignore[untyped-decorator]
def search(query: str) -> list[dict[str, Any]]:
    """Find a document."""
    return [{"page_content": f"about {query}", "type": "Document", "metadata": {"n": 1}}]


@traceable(run_type="tool", name="look-up")  # type: ignore[untyped-decorator]
def look_up(order: int) -> None:
    """Raise."""
    raise ValueError(f"order {order} is lost")


@traceable(
    run_type="llm",
    name="answer",
    reduce_fn=joined,
    tags=["s1"],
    metadata={"ls_provider": "openai", "ls_model_name": "gpt-4o", "ls_temperature": 0.2, "ls_max_tokens": 7},
)  # type: ignore[untyped-decorator]
def answer(question: str) -> Iterator[str]:
    """Stream an answer as a model would."""
    MADE["answer"] = str(get_current_run_tree().id)
    yield "Be"
    yield "cause."


@traceable(run_type="llm", name="claude", metadata={"ls_provider": "anthropic", "ls_model_name": "claude-sonnet-4-5"})  # type: ignore[untyped-decorator]
def claude(question: str) -> dict[str, Any]:
    """Answer with a cache."""
    return {"role": "assistant", "content": question, "usage_metadata": ANTHROPIC_USAGE}


@traceable(run_type="llm", name="priced", metadata={"ls_model_name": "in-house"})  # type: ignore[untyped-decorator]
def priced(question: str) -> dict[str, Any]:
    """Answer at a stated price."""
    costs = {"input_cost": 0.1, "output_cost": 0.15, "total_cost": 0.25}
    return {"content": question, "usage_metadata": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, **costs}}


@traceable(run_type="prompt", name="template")  # type: ignore[untyped-decorator]
def template(question: str) -> dict[str, Any]:
    """Make a prompt."""
    return {"prompt": question}


@traceable(run_type="chain", name="plan")  # type: ignore[untyped-decorator]
def plan(question: str) -> dict[str, Any]:
    """Call everything, one inside the other."""
    search(question)
    template(question)
    with contextlib.suppress(ValueError):
        look_up(7)
    list(answer(question))
    claude(question)
    return priced(question)  # type: ignore[no-any-return]


@traceable(
    run_type="chain",
    name="assist",
    tags=["blue"],
    metadata={"thread_id": THREAD, "user_id": USER, "tier": "gold", "revision_id": "rev-1"},
)  # type: ignore[untyped-decorator]
def assist(question: str) -> dict[str, Any]:
    """Say some of it, have it sent, say the rest."""
    run = get_current_run_tree()
    MADE["trace"] = str(run.id)
    run.add_tags(["late"])
    run.add_metadata({"later": [1, 2]})
    plan(question)
    flush()
    time.sleep(0.01)
    return {"answer": "Because."}


def by_hand() -> None:
    """Make and update runs without a trace id, as a program does that knows no RunTree; each under the one before."""
    root, child, tool, now = uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), dt.datetime.now(dt.UTC)
    metadata = {"metadata": {"conversation_id": THREAD, "user_id": USER}}
    common = {"project_name": PROJECT, "start_time": now, "extra": metadata}
    CLIENT.create_run("by-hand", {"q": 1}, "chain", id=root, **common)
    extra = {"metadata": {"ls_provider": "langgenius/openai/openai", "ls_model_name": "gpt-4o"}}
    CLIENT.create_run("call", {"q": 2}, "llm", id=child, parent_run_id=root, project_name=PROJECT, start_time=now, extra=extra, error="")
    CLIENT.create_run("look", {"q": 3}, "tool", id=tool, parent_run_id=child, project_name=PROJECT, start_time=now)
    CLIENT.update_run(tool, outputs={"a": 3}, end_time=now + dt.timedelta(milliseconds=3))
    CLIENT.update_run(child, outputs={"usage_metadata": OPENAI_USAGE}, end_time=now + dt.timedelta(milliseconds=5))
    CLIENT.update_run(root, outputs={"a": 1}, end_time=now + dt.timedelta(milliseconds=9))
    MADE["by_hand"], MADE["call"], MADE["look"] = str(root), str(child), str(tool)


def feedback() -> None:
    """Score the trace and one run; change one's mind."""
    trace, run = MADE["trace"], MADE["answer"]
    made = CLIENT.create_feedback(trace, "quality", score=0.9, value="good", comment="clear", trace_id=trace, feedback_source_type="model")
    CLIENT.create_feedback(run, "exact", score=True, trace_id=trace, correction={"text": "Since."})
    CLIENT.create_feedback(run, "tone", value="kind")
    flush()
    CLIENT.update_feedback(made.id, score=0.5, comment="less clear")
    MADE["listed"] = len(list(CLIENT.list_feedback(run_ids=[run])))


def projects() -> None:
    """Make, find, change and remove projects, read what an ingest key cannot read, as Dify's check and notebooks do."""
    made = CLIENT.create_project(PROJECT, upsert=True, metadata={"a": 1})
    found = CLIENT.read_project(project_name=PROJECT)
    MADE["project"] = [made.name, made.id == found.id, CLIENT.has_project(PROJECT)]
    MADE["described"] = CLIENT.update_project(made.id, description="d").description
    CLIENT.create_project("test_project_1")
    CLIENT.delete_project(project_name="test_project_1")
    MADE["runs"] = len(list(CLIENT.list_runs(project_name=PROJECT)))
    MADE["tenant"] = str(CLIENT._get_settings().id)
    try:
        CLIENT.read_run(MADE["trace"])
    except langsmith.utils.LangSmithNotFoundError:
        MADE["read"] = "not found"


NOTE, IMAGE = b"remember\r\n--x", b"\x89PNG\r\n\x1a\n\x00\xff"


def files() -> None:
    """Attach a file to a run by hand, when it is made and when it is updated, and to a RunTree where this generation and mode can."""
    run_id, now = uuid.uuid4(), dt.datetime.now(dt.UTC)
    note = langsmith.schemas.Attachment(mime_type="text/plain", data=NOTE)
    CLIENT.create_run("filed-by-hand", {}, "tool", id=run_id, project_name=PROJECT, start_time=now, attachments={"note": note})
    CLIENT.update_run(run_id, outputs={"ok": True}, end_time=now, attachments={"image": ("image/png", IMAGE)})
    MADE["filed_by_hand"] = str(run_id)
    run = langsmith.RunTree(name="filed", run_type="tool", inputs={}, client=CLIENT, project_name=PROJECT)
    if MODE in ("batch", "single") or not hasattr(run, "attachments"):
        return
    run.attachments["note"] = note
    run.post()
    run.end(outputs={"ok": True})
    run.patch()
    MADE["filed"] = str(run.id)


def main() -> None:
    """Say everything, wait until it is sent, and print what was made."""
    assist("Why?", langsmith_extra={"client": CLIENT, "project_name": PROJECT})
    by_hand()
    files()
    feedback()
    projects()
    flush()
    sys.stdout.write(json.dumps(MADE))


if __name__ == "__main__":
    main()
