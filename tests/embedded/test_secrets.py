"""The whole stack with known secrets, everything logged: none of them is found in a log, an answer or a dead letter."""

import base64
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.kafka import KafkaSettings, consumer
from contract.topics import DEAD_LETTERS
from contract.web import free_port
from sluice.embedded import running
from sluice.embedded.running import RunningStack
from tests.embedded.reading import await_that
from tests.embedded.tenants import call

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(240)]

MEDIA_SECRET = "media-secret-of-the-test"
TARGET_PASSWORD = "target-password-of-the-test"
PROVIDER_KEY = "sk-provider-key-of-the-test"
LETTER_WITHIN_SECONDS = 90


@pytest.fixture
def talkative(tmp_path: Path) -> Iterator[RunningStack]:
    """Run a stack that logs everything and whose proxy leads nowhere."""
    target = f"http://user:{TARGET_PASSWORD}@127.0.0.1:{free_port()}/v1"
    stack = running.start(tmp_path / "stack", {"LOG_LEVEL": "DEBUG", "MEDIA_SECRET": MEDIA_SECRET, "PROXY_TARGET_URL": target})
    yield stack
    if stack.process.poll() is None:
        stack.stop()


def test_no_secret_is_found_anywhere(talkative: RunningStack) -> None:
    """After requests that go well and badly, with keys in headers, paths and URLs. keys.json is for its owner alone."""
    where = talkative.endpoints
    guess = f"sl-ingest-{uuid.uuid4().hex}"
    basic = base64.b64encode(f"{where.public_key}:{where.ingest_key}".encode()).decode()
    bad = {"entity": "trace", "entity_id": "t", "name": "x", "start_time": "never"}
    log: dict[str, dict[str, str]] = {"providerRequest": {}, "providerResponse": {}, "timing": {}}
    for key in (where.ingest_key, where.read_key, where.admin_key, guess, None):
        for method, path, body in (
            ("POST", "/v1/events", [bad]),
            ("POST", f"/helicone/{key}/custom/v1/log", log),
            ("POST", f"/helicone/{key}/no/such/route", log),
            ("POST", f"/helicone/proxy/{key}/v1/chat/completions", {"model": "m"}),
            ("POST", f"/helicone/proxy/v1/{key}/embeddings", {"model": "m"}),
            ("GET", "/api/v1/traces?key=x", None),
            ("GET", f"/api/v1/traces/{key}", None),
            ("DELETE", f"/{key}", None),
        ):
            call(where, method, path, body, key, {"x-provider": PROVIDER_KEY, "x-api-key": key or ""})
    call(where, "POST", "/api/public/ingestion", {"batch": [{}]}, None, {"authorization": f"Basic {basic}"})
    call(where, "POST", f"/helicone/proxy/{where.ingest_key}/v1/chat/completions", {}, None, {"authorization": f"Bearer {PROVIDER_KEY}"})
    said = {"contentType": "image/png", "contentLength": 1, "sha256Hash": base64.b64encode(bytes(32)).decode()}
    upload = call(where, "POST", "/api/public/media", said, where.ingest_key).json["uploadUrl"]
    assert call(where, "PUT", upload, b"wrong content", None).status == 400
    secrets = [where.ingest_key, where.read_key, where.admin_key, guess, basic, MEDIA_SECRET, TARGET_PASSWORD, PROVIDER_KEY]
    secrets.append(upload.rpartition("/")[2])

    assert await_that(lambda: b"never" in dead_letters(where.kafka), LETTER_WITHIN_SECONDS)
    seen = {"dead letters": dead_letters(where.kafka)}
    seen |= {
        path: fetched(f"{base}{path}") for base in (where.gateway_http, where.query_http) for path in ("/healthz", "/readyz", "/metrics")
    }
    talkative.stop()
    seen |= {log.name: log.read_bytes() for log in talkative.data.logs.glob("*.log") if log.name != "up.log"}  # what a person is shown

    assert {"gateway.log", "worker.log", "store.log", "kafka.log"} <= seen.keys()
    assert len(seen["gateway.log"]) > 1000
    assert [(name, secret) for name, content in seen.items() for secret in secrets if secret.encode() in content] == []
    assert (talkative.data.keys.stat().st_mode & 0o077) == 0


def fetched(url: str) -> bytes:
    """Return what an address answers, whatever its status."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.read()


def dead_letters(kafka: str) -> bytes:
    """Return every record of the topic, one after another."""
    reader = consumer(KafkaSettings(bootstrap_servers=kafka), group_id=f"test-{uuid.uuid4().hex}")
    reader.subscribe([DEAD_LETTERS])
    try:
        messages = reader.consume(1000, timeout=5)
    finally:
        reader.close()
    return b"".join(message.value() or b"" for message in messages if message.error() is None)
