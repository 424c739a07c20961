"""A call of OpenAI's client in LangSmith's wrapper, answered by a stand-in; prints the trace's id as JSON."""

import http.server
import json
import sys
import threading

import langsmith  # type: ignore[import-not-found]
from langsmith.wrappers import wrap_openai  # type: ignore[import-not-found]
from openai import OpenAI

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hey"}}],
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 3,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}


class Model(http.server.BaseHTTPRequestHandler):
    """Answers every call with ANSWER."""

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Make the call and wait until it is told."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = langsmith.Client()
    openai = wrap_openai(
        OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1"),
        tracing_extra={"client": client, "metadata": {"thread_id": "th-1"}},
    )
    run_id = langsmith.uuid7()
    openai.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "yo"}],
        temperature=0.1,
        max_tokens=7,
        langsmith_extra={"run_id": run_id},
    )
    client.flush()
    server.shutdown()
    sys.stdout.write(json.dumps({"trace": str(run_id)}))


if __name__ == "__main__":
    main()
