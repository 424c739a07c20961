"""Redaction on the running stack: what a rule takes out is in no topic, no row and no dead letter."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.control import redaction_record
from contract.kafka import KafkaSettings, consumer
from contract.topics import DEAD_LETTERS, EVENTS
from sluice.embedded.endpoints import Endpoints
from tests.embedded.reading import await_that
from tests.embedded.second_gateway import second_gateway
from tests.embedded.tenants import PROTOCOLS, call, control, new_tenant, uuid_of

pytestmark = [pytest.mark.embedded]

STORED_WITHIN_SECONDS = 90
EVERYWHERE = {"rules": [{"name": "card", "pattern": "credit_card"}]}
OWN = {"rules": [{"name": "mail", "pattern": "email", "action": "hash"}, {"name": "code", "regex": "code-[0-9a-f]{8}"}]}


@pytest.fixture
def careful(stack: Endpoints, tmp_path: Path) -> Iterator[Endpoints]:
    """Run a gateway with rules for every project and a key to hash with."""
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(EVERYWHERE))
    with second_gateway(stack, tmp_path, {"REDACTION_RULES_FILE": str(rules), "REDACTION_HASH_KEY": "a key to hash with"}) as endpoints:
        yield endpoints


def test_nothing_redacted_reaches_any_storage(stack: Endpoints, careful: Endpoints) -> None:
    """In several protocols, for rules of everybody's and of the project's, in events that are taken and in refused ones."""
    tenant = new_tenant(stack, f"redacted-{uuid.uuid4().hex[:8]}")
    control(stack, redaction_record(tenant.project_id, json.dumps(OWN)))
    code = f"code-{uuid.uuid4().hex[:8]}"
    said = f"jo@mail.example pays with 4111 1111 1111 1111 {code}"

    def shown(trace_id: str) -> str:
        answer = call(stack, "GET", f"/api/v1/traces/{trace_id}", None, tenant.read_key)
        return answer.body.decode() if answer.status == 200 else ""

    def is_known() -> bool:
        trace_id = uuid.uuid4().hex
        body = [{"entity": "trace", "entity_id": trace_id, "name": "a@b.example"}]
        assert call(careful, "POST", "/v1/events", body, tenant.ingest_key).status == 200
        return str(await_that(lambda: shown(trace_id), STORED_WITHIN_SECONDS)).count("mail:") == 1

    assert await_that(is_known, STORED_WITHIN_SECONDS)
    names = {}
    for protocol, build in PROTOCOLS.items():
        trace_id = uuid.uuid4().hex
        names[protocol] = uuid_of(trace_id) if protocol in ("langsmith", "opik") else trace_id
        method, path, body = build(trace_id, said, "p")
        assert call(careful, method, path, body, tenant.ingest_key).status < 300
    refused = {
        "event_id": f"refused-{code[-8:]}",
        "entity": "trace",
        "entity_id": "t",
        "name": said,
        "start_time": "never",
        "input": [said],
    }
    assert call(careful, "POST", "/v1/events", [refused], tenant.ingest_key).status == 400

    for protocol, trace_id in names.items():
        assert await_that(lambda trace_id=trace_id: "[card]" in shown(trace_id), STORED_WITHIN_SECONDS), protocol  # type: ignore[misc]
        text = shown(trace_id)
        assert "mail:" in text
        assert "4111" not in text
        assert code not in text
    letters = await_that(lambda: topic(stack, DEAD_LETTERS, f"refused-{code[-8:]}"), STORED_WITHIN_SECONDS)
    assert b"[card]" in letters
    assert not [name for name in (DEAD_LETTERS, EVENTS) if code.encode() in (topic(stack, name, "") or b"")]


def topic(stack: Endpoints, name: str, wanted: str) -> bytes | None:
    """Return all of a topic's bytes, None where `wanted` is not among them."""
    reader = consumer(KafkaSettings(bootstrap_servers=stack.kafka), group_id=f"test-{uuid.uuid4().hex}")
    reader.subscribe([name])
    held = b""
    try:
        while messages := reader.consume(1000, timeout=5):
            held += b"".join(message.value() or b"" for message in messages if message.error() is None)
    finally:
        reader.close()
    return held if wanted.encode() in held else None
