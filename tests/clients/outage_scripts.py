"""What a program that goes on working says while the store of its telemetry is away: one trace at a time, each SDK at its own defaults.

Reads SECONDS (how long) and EVERY (seconds between two traces) from the environment; prints the ids of the traces it made, as JSON.
"""

START = """
import json, os, sys, time

MADE = []

def beats():
    end = time.monotonic() + float(os.environ["SECONDS"])
    while time.monotonic() < end:
        yield
        time.sleep(float(os.environ["EVERY"]))
"""

END = """
sys.stdout.write(json.dumps(MADE))
"""

LANGFUSE_2 = """
from langfuse import Langfuse

client = Langfuse()
for _ in beats():
    trace = client.trace(name="outage")
    trace.generation(name="answer", model="gpt-4o-mini", input="Why?", output="Because.", usage={"input": 3, "output": 2})
    MADE.append(trace.id)
client.flush()
client.shutdown()
"""

LANGFUSE_OTEL = """
from langfuse import Langfuse

client = Langfuse()
for _ in beats():
    with client.start_as_current_observation(as_type="generation", name="answer", model="gpt-4o-mini", input="Why?") as generation:
        generation.update(output="Because.", usage_details={"input": 3, "output": 2})
    MADE.append(generation.trace_id)
client.flush()
client.shutdown()
"""

LANGSMITH = """
from importlib.util import find_spec

if find_spec("packaging") is None:  # langsmith 0.1 uses it without asking for it
    from pip._vendor import packaging
    from pip._vendor.packaging import version

    sys.modules.update({"packaging": packaging, "packaging.version": version})

import langsmith
from langsmith import traceable
from langsmith.run_helpers import get_current_run_tree

client = langsmith.Client()

@traceable(name="answer", run_type="llm")
def answer(question):
    MADE.append(str(get_current_run_tree().trace_id))
    return "Because."

for _ in beats():
    answer("Why?", langsmith_extra={"client": client})
if hasattr(client, "flush"):
    client.flush()
else:
    client.tracing_queue.join()
"""

OPIK = """
import opik

client = opik.Opik()
for _ in beats():
    trace = client.trace(name="outage", input={"q": "Why?"})
    trace.span(name="answer", type="llm", input={"q": "Why?"}, output={"a": "Because."}, model="gpt-4o-mini").end()
    trace.end()
    MADE.append(trace.id)
client.flush()
client.end()
"""

OPENTELEMETRY = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("outage")
for _ in beats():
    with tracer.start_as_current_span("answer") as span:
        pass
    MADE.append(f"{span.get_span_context().trace_id:032x}")
provider.shutdown()
"""

HELICONE = """
import uuid
from helicone_helpers import HeliconeManualLogger

logger = HeliconeManualLogger(api_key=os.environ["KEY"], logging_endpoint=os.environ["ENDPOINT"])
ANSWER = {"id": "c", "model": "gpt-4o-mini", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Because."}}]}
for _ in beats():
    MADE.append(str(uuid.uuid4()))
    logger.log_request({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Why?"}]},
                       lambda recorder: recorder.append_results(ANSWER), {"Helicone-Request-Id": MADE[-1]}, "openai")
"""
