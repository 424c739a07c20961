"""What a user's program does with each generation of the Langfuse SDK; run in that generation's own environment.

Every script prints one JSON object, what the tests look for, as its last line. Anything on stderr after SENDING is a complaint of the
SDK; before it, SDKs log that the prompt they ask for is not there.
"""

PYTHON_2 = """
import json, sys
from datetime import datetime, timezone
from langfuse import Langfuse
from langfuse.media import LangfuseMedia

client = Langfuse(release="rel-2", environment="staging", threads=1)
assert client.auth_check()
prompt = client.get_prompt("greet", fallback="Say {{x}}")
assert prompt.is_fallback and prompt.compile(x="hi") == "Say hi"
print("SENDING", file=sys.stderr)

session, user = sys.argv[1], sys.argv[2]
trace = client.trace(name="chat", user_id=user, session_id=session, input={"q": "hi"}, metadata={"tier": "gold", "n": [1, 2, 3]},
                     tags=["b", "a"], version="1.0", public=True)
span = trace.span(name="retrieve", input="query", metadata={"a": 1})
picture = LangfuseMedia(content_bytes=b"\\x89PNG\\r\\n\\x1a\\n" + session.encode(), content_type="image/png")
generation = span.generation(name="llm", model="gpt-4o-mini", input=[{"role": "user", "content": "hi"}, picture],
                             model_parameters={"temperature": 0.2, "stop": ["x"]}, usage={"input": 3, "output": 5, "unit": "TOKENS"})
generation.update(completion_start_time=datetime.now(timezone.utc))
generation.end(output={"role": "assistant", "content": "yo"},
               usage_details={"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
                              "prompt_tokens_details": {"cached_tokens": 400}, "completion_tokens_details": {"reasoning_tokens": 20}})
span.end(output=["d1"])
priced = trace.generation(name="priced", model="in-house", usage={"input": 7, "output": 8, "total": 15, "unit": "TOKENS",
                          "input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}, level="ERROR", status_message="boom")
priced.end(output=0)
event = trace.event(name="clicked", input={"x": 1}, metadata="plain string", level="WARNING")
trace.score(name="quality", value=0.9, comment="ok")
generation.score(name="label", value="good", data_type="CATEGORICAL")
client.score(trace_id=trace.id, name="right", value=1, data_type="BOOLEAN")
trace.update(output="done", metadata={"k2": 2, "n": [9]}, tags=["c"])
client.flush()
client.shutdown()
print(json.dumps({"trace": trace.id, "span": span.id, "generation": generation.id, "event": event.id, "priced": priced.id,
                  "media": picture._media_id}))
"""

PYTHON_3 = """
import json, sys
from langfuse import Langfuse
from langfuse.media import LangfuseMedia

client = Langfuse(environment="staging", release="rel-3", flush_interval=1)
assert client.auth_check()
prompt = client.get_prompt("greet", fallback="Say {{x}}")
assert prompt.is_fallback
print("SENDING", file=sys.stderr)

session, user = sys.argv[1], sys.argv[2]
picture = LangfuseMedia(content_bytes=b"\\x89PNG\\r\\n\\x1a\\n" + session.encode(), content_type="image/png")
with client.start_as_current_span(name="root", input={"q": "hi"}, metadata={"tier": "gold"}) as root:
    root.update_trace(name="chat", user_id=user, session_id=session, tags=["b", "a"], input={"tq": 1}, output="done",
                      metadata={"k": 1}, version="1.0", public=True)
    with client.start_as_current_generation(name="llm", model="gpt-4o-mini", input=[{"role": "user", "content": "hi"}]) as generation:
        generation.update(output="yo", usage_details={"input": 600, "output": 30, "input_cached_tokens": 400, "output_reasoning": 20},
                          model_parameters={"temperature": 0.2})
    with client.start_as_current_observation(as_type="tool", name="look", input={"image": picture}) as tool:
        tool.update(level="ERROR", status_message="boom", output="y")
    client.create_event(name="clicked", input={"x": 1})
    root.update(output="out")
    trace_id = root.trace_id
    generation.score(name="quality", value=0.9, comment="ok")
    root.score_trace(name="label", value="good", data_type="CATEGORICAL")
    client.create_score(session_id=session, name="whole", value=1, data_type="BOOLEAN")
client.flush()
client.shutdown()
print(json.dumps({"trace": trace_id, "generation": generation.id, "media": picture._media_id}))
"""

PYTHON_5 = """
import json, sys
from langfuse import Langfuse, propagate_attributes
from langfuse.media import LangfuseMedia

client = Langfuse(environment="staging", release="rel-5", flush_interval=1)
assert client.auth_check()
prompt = client.get_prompt("greet", fallback="Say {{x}}")
assert prompt.is_fallback
print("SENDING", file=sys.stderr)

session, user = sys.argv[1], sys.argv[2]
picture = LangfuseMedia(content_bytes=b"\\x89PNG\\r\\n\\x1a\\n" + session.encode(), content_type="image/png")
with propagate_attributes(session_id=session, user_id=user, tags=["b", "a"], trace_name="chat", version="1.0"):
    with client.start_as_current_observation(name="root", as_type="span", input={"q": "hi"}, metadata={"tier": "gold"}) as root:
        with client.start_as_current_observation(name="llm", as_type="generation", model="gpt-4o-mini",
                                                 input=[{"role": "user", "content": "hi"}]) as generation:
            generation.update(output="yo", usage_details={"input": 600, "output": 30, "input_cached_tokens": 400, "output_reasoning": 20},
                              model_parameters={"temperature": 0.2})
        with client.start_as_current_observation(as_type="tool", name="look", input={"image": picture}) as tool:
            tool.update(level="ERROR", status_message="boom", output="y")
        client.create_event(name="clicked", input={"x": 1})
        root.update(output="out")
        trace_id = root.trace_id
        generation.score(name="quality", value=0.9, comment="ok")
        root.score_trace(name="label", value="good", data_type="CATEGORICAL")
        client.create_score(session_id=session, name="whole", value=1, data_type="BOOLEAN")
client.flush()
client.shutdown()
print(json.dumps({"trace": trace_id, "generation": generation.id, "media": picture._media_id}))
"""

JAVASCRIPT_3 = """
import { Langfuse, LangfuseMedia } from "langfuse";

const [session, user] = process.argv.slice(-2);
const client = new Langfuse({ release: "rel-js3", environment: "staging", flushAt: 50 });
client.on("error", (error) => console.error("sdk:", error));
const prompt = await client.getPrompt("greet", undefined, { fallback: "Say {{x}}", maxRetries: 0 });
if (!prompt.isFallback) throw new Error("no fallback");
console.error("SENDING");
const picture = new LangfuseMedia({ contentBytes: Buffer.from("\\x89PNG" + session, "latin1"), contentType: "image/png" });
const trace = client.trace({ name: "chat", userId: user, sessionId: session, input: { q: "hi" }, metadata: { tier: "gold" },
                             tags: ["b", "a"], version: "1.0", public: true });
const span = trace.span({ name: "retrieve", input: "query" });
const generation = span.generation({ name: "llm", model: "gpt-4o-mini", input: [{ role: "user", content: "hi" }, picture],
                                     modelParameters: { temperature: 0.2 } });
await new Promise((done) => setTimeout(done, 20));
generation.end({ output: { role: "assistant", content: "yo" }, completionStartTime: new Date(),
                 usageDetails: { prompt_tokens: 1000, completion_tokens: 50, total_tokens: 1050,
                                 prompt_tokens_details: { cached_tokens: 400 }, completion_tokens_details: { reasoning_tokens: 20 } } });
span.end({ output: ["d1"] });
const priced = trace.generation({ name: "priced", model: "in-house", level: "ERROR", statusMessage: "boom",
                                  usage: { promptTokens: 7, completionTokens: 8, totalTokens: 15 },
                                  costDetails: { input: 0.1, output: 0.2 } });
priced.end({ output: 0 });
const event = trace.event({ name: "clicked", input: { x: 1 }, metadata: "plain string", level: "WARNING" });
trace.score({ name: "quality", value: 0.9, comment: "ok" });
generation.score({ name: "label", value: "good", dataType: "CATEGORICAL" });
client.score({ traceId: trace.id, name: "right", value: 1, dataType: "BOOLEAN" });
await new Promise((done) => setTimeout(done, 20));
trace.update({ output: "done", metadata: { k2: 2 }, tags: ["c"] });
await client.shutdownAsync();
console.log(JSON.stringify({ trace: trace.id, span: span.id, generation: generation.id, event: event.id, priced: priced.id,
                             media: picture._mediaId ?? null }));
"""

JAVASCRIPT_5 = """
import { NodeSDK } from "@opentelemetry/sdk-node";
import { LangfuseSpanProcessor } from "@langfuse/otel";
import { LangfuseClient } from "@langfuse/client";
import { LangfuseMedia } from "@langfuse/core";
import { startActiveObservation, startObservation, propagateAttributes } from "@langfuse/tracing";

const [session, user] = process.argv.slice(-2);
const processor = new LangfuseSpanProcessor({ environment: "staging", release: "rel-js5" });
const sdk = new NodeSDK({ spanProcessors: [processor], instrumentations: [] });
sdk.start();
const client = new LangfuseClient();
const prompt = await client.prompt.get("greet", { fallback: "Say {{x}}", maxRetries: 0 });
if (!prompt.isFallback) throw new Error("no fallback");
console.error("SENDING");
const picture = new LangfuseMedia({ source: "bytes", contentBytes: Buffer.from("\\x89PNG" + session, "latin1"), contentType: "image/png" });
let traceId, generationId;
await propagateAttributes({ sessionId: session, userId: user, tags: ["b", "a"], traceName: "chat", version: "1.0" }, () =>
  startActiveObservation("root", async (root) => {
    root.update({ input: { q: "hi" }, metadata: { tier: "gold" } });
    const generation = startObservation("llm", { model: "gpt-4o-mini", input: [{ role: "user", content: "hi" }],
                                                 modelParameters: { temperature: 0.2 } }, { asType: "generation" });
    generation.update({ output: "yo", usageDetails: { input: 600, output: 30, input_cached_tokens: 400, output_reasoning: 20 } }).end();
    const tool = startObservation("look", { input: { image: picture }, output: "y", level: "ERROR", statusMessage: "boom" },
                                  { asType: "tool" });
    tool.end();
    root.update({ output: "out" });
    traceId = root.traceId;
    generationId = generation.id;
    client.score.observation(generation, { name: "quality", value: 0.9, comment: "ok" });
    client.score.trace(root, { name: "label", value: "good", dataType: "CATEGORICAL" });
    client.score.create({ sessionId: session, name: "whole", value: 1, dataType: "BOOLEAN" });
  }));
await processor.forceFlush();
await client.flush();
await sdk.shutdown();
console.log(JSON.stringify({ trace: traceId, generation: generationId, media: await picture.getId() }));
"""
