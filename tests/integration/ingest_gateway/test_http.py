"""The HTTP side over real sockets: what clients get for what they send."""

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import zstandard

GOOD = {"event_id": "e1", "entity": "observation", "entity_id": "o1", "trace_id": "t1", "kind": "span"}
BAD = {"event_id": "e2", "entity": "observation", "entity_id": "o2", "trace_id": "t1", "kind": "dream"}


def body_of(*statements: Any) -> bytes:
    return json.dumps(statements).encode()


def test_good_events_are_published_and_counted(gateway: Any) -> None:
    """200 says how many were accepted, and they have reached the publisher by then."""
    answer = gateway.post(body_of(GOOD))

    assert (answer.status, answer.json) == (200, {"accepted": 1, "rejected": []})
    assert [event.event_id for event in gateway.publisher.events] == ["e1"]
    assert gateway.publisher.keys == ["p1/t1"]


def test_one_bad_event_is_named_and_its_neighbours_are_stored(gateway: Any) -> None:
    """207 names the bad one; the good ones are published; the bad one is kept as a dead letter."""
    answer = gateway.post(body_of(GOOD, BAD, {**GOOD, "event_id": "e3", "entity_id": "o3"}))

    assert answer.status == 207
    assert answer.json["accepted"] == 2
    assert [(said["index"], said["event_id"], said["code"], said["field"]) for said in answer.json["rejected"]] == [
        (1, "e2", "wrong_value", "kind")
    ]
    assert [event.event_id for event in gateway.publisher.events] == ["e1", "e3"]
    assert [(topic, record["event_id"], record["stage"]) for topic, _, record in gateway.publisher.offered] == [
        ("dead-letters", "e2", "gateway")
    ]
    assert json.loads(gateway.publisher.offered[0][2]["original"]) == BAD


def test_an_unknown_key_is_401(gateway: Any) -> None:
    """Nothing is read of a request whose key is unknown."""
    answer = gateway.call("POST", "/v1/events", body_of(GOOD), {"authorization": "Bearer nobody"})

    assert (answer.status, answer.json["error"]["code"]) == (401, "unauthenticated")
    assert gateway.publisher.events == []


def test_no_key_is_401(gateway: Any) -> None:
    """The answer says how a key is shown."""
    answer = gateway.call("POST", "/v1/events", body_of(GOOD))

    assert answer.status == 401
    assert "Bearer" in answer.json["error"]["message"]


def test_a_read_key_may_not_write(gateway: Any) -> None:
    """A known key of the wrong scope is 403, not 401."""
    answer = gateway.post(body_of(GOOD), scope="read")

    assert (answer.status, answer.json["error"]["code"]) == (403, "forbidden")


def test_basic_auth_carries_public_key_and_key(gateway: Any, ingest_key: str) -> None:
    """`public_key:key`, as Langfuse's SDKs send it."""
    import base64

    basic = base64.b64encode(f"pk-1:{ingest_key}".encode()).decode()

    assert gateway.call("POST", "/v1/events", body_of(GOOD), {"authorization": f"Basic {basic}"}).status == 200


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        (b"[{]", "malformed", None),
        (b'[{"entity": "trace"}]', "missing_field", "[0].trace_id"),
        (b'[{"entity": "trace", "trace_id": 7}]', "wrong_type", "[0].trace_id"),
        (b"\xff\xfe", "malformed", None),
        (b"", "malformed", None),
    ],
)
def test_a_request_of_which_nothing_can_be_read_is_400(gateway: Any, body: bytes, code: str, place: str | None) -> None:
    """The first fault is named with its field."""
    answer = gateway.post(body)

    assert (answer.status, answer.json["error"]["code"], answer.json["error"]["field"]) == (400, code, place)


def test_a_body_over_the_limit_is_413(gateway: Any) -> None:
    """By its stated length, before it is read."""
    assert gateway.post(b"[" + b" " * 300_000 + b"]").status == 413


@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [
        ("gzip", gzip.compress(b" " * 50_000_000)),
        ("deflate", zlib.compress(b" " * 50_000_000)),
        ("zstd", zstandard.ZstdCompressor(write_content_size=False).compress(b" " * 50_000_000)),
    ],
)
def test_a_bomb_is_413(gateway: Any, encoding: str, compressed: bytes) -> None:
    """By its content, which is never inflated beyond the limit."""
    assert gateway.post(compressed, content_encoding=encoding).status == 413


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(body_of(GOOD))),
        ("deflate", zlib.compress(body_of(GOOD))),
        ("zstd", zstandard.ZstdCompressor().compress(body_of(GOOD))),
    ],
)
def test_compressed_bodies_are_read(gateway: Any, encoding: str, body: bytes) -> None:
    """gzip, deflate and zstd."""
    assert gateway.post(body, content_encoding=encoding).status == 200


def test_an_unknown_encoding_is_415(gateway: Any) -> None:
    """The answer names what is known."""
    answer = gateway.post(body_of(GOOD), content_encoding="br")

    assert (answer.status, answer.json["error"]["field"]) == (415, "content-encoding")


def test_an_alien_media_type_is_415(gateway: Any) -> None:
    """Protobuf has its own routes."""
    assert gateway.post(b"\x00", content_type="application/x-protobuf").status == 415


def test_while_nothing_can_be_stored_the_answer_is_503_and_then_it_works_again(gateway: Any) -> None:
    """Retry-After is short, and readiness follows."""
    gateway.publisher.away = "Kafka is away"

    refused = gateway.post(body_of(GOOD))
    readiness = gateway.call("GET", "/readyz")
    gateway.publisher.away = None

    assert (refused.status, refused.headers["retry-after"], refused.json["error"]["code"]) == (503, "1", "unavailable")
    assert readiness.status == 503
    assert gateway.post(body_of(GOOD)).status == 200
    assert gateway.call("GET", "/readyz").status == 200


def test_ndjson_is_read_line_by_line(gateway: Any) -> None:
    """A broken line costs only itself."""
    lines = [json.dumps(GOOD).encode(), b"{broken", json.dumps({**GOOD, "event_id": "e9"}).encode()]

    answer = gateway.post(b"\n".join(lines), content_type="application/x-ndjson")

    assert (answer.status, answer.json["accepted"], answer.json["rejected"][0]["index"]) == (207, 2, 1)


def test_a_body_that_is_cut_off_is_not_taken_for_a_short_one(gateway: Any, ingest_key: str) -> None:
    """A client that dies in the middle of a chunked body has said nothing; the next one is served."""
    line = json.dumps(GOOD).encode() + b"\n"
    head = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ingest_key}\r\ntransfer-encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.http.port)) as client:
        client.sendall(head.encode() + b"%x\r\n" % len(line) + line + b"\r\n")
        client.shutdown(socket.SHUT_RDWR)

    assert gateway.post(body_of({**GOOD, "event_id": "e2"})).status == 200
    assert [event.event_id for event in gateway.publisher.events] == ["e2"]


def test_too_many_events_are_413(gateway: Any) -> None:
    """The client is told to send fewer at a time."""
    assert gateway.post(body_of(*[GOOD] * 101)).status == 413


def test_a_wrong_method_is_405_with_allow(gateway: Any) -> None:
    """Allow names the methods there are."""
    answer = gateway.call("PUT", "/v1/events")

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_an_unknown_path_is_404(gateway: Any) -> None:
    """And says so in JSON."""
    assert gateway.call("GET", "/nothing/here").json["error"]["code"] == "not_found"


def test_health_and_metrics_need_no_key(gateway: Any) -> None:
    """They are for probes."""
    assert [gateway.call("GET", path).status for path in ("/healthz", "/readyz", "/metrics", "/v1/openapi.json")] == [200] * 4


def test_otlp_json_is_answered_on_the_same_port(gateway: Any) -> None:
    """A span becomes an observation of its trace."""
    span = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "x",
        "startTimeUnixNano": "1780000000000000000",
    }

    answer = gateway.post(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode(), path="/v1/traces")

    assert answer.status == 200
    assert "5b8efff798038103d269b633813fc60c" in {event.trace_id for event in gateway.publisher.events}


def test_without_a_query_service_read_routes_are_404(gateway: Any) -> None:
    """The reason is the missing QUERY_URL."""
    answer = gateway.call("GET", "/api/v1/traces")

    assert answer.status == 404
    assert "QUERY_URL" in answer.json["error"]["message"]


class _Query(BaseHTTPRequestHandler):
    """Stands for the query service: says what it was asked."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "authorization": self.headers.get("authorization"), "te": self.headers.get("te")}).encode()
        self.send_response(418)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-from", "query")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Keep quiet."""


@pytest.fixture
def query_url() -> Iterator[str]:
    """Run something that answers reads."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Query)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def forwarding(running: Any, query_url: str) -> Iterator[Any]:
    """Run a gateway with a query service behind it."""
    gateway = type(running)(query_url)
    gateway.start()
    yield gateway
    gateway.stop()


def test_reads_are_passed_on_whole(forwarding: Any, read_key: str) -> None:
    """Path, query and key go on; status, headers and body come back; hop-by-hop headers stay."""
    answer = forwarding.call("GET", "/api/v1/traces/a%2Fb?tag=x%20y", headers={"authorization": f"Bearer {read_key}", "te": "trailers"})

    assert (answer.status, answer.headers["x-from"]) == (418, "query")
    assert answer.json == {"path": "/api/v1/traces/a%2Fb?tag=x%20y", "authorization": f"Bearer {read_key}", "te": None}


def test_a_guessed_key_never_reaches_the_query_service(forwarding: Any) -> None:
    """The gateway knows the client's address, so the guess is counted there."""
    answer = forwarding.call("GET", "/api/v1/traces", headers={"authorization": "Bearer guess"})

    assert (answer.status, answer.json["error"]["code"]) == (401, "unauthenticated")


def test_reads_are_not_written_to(forwarding: Any) -> None:
    """POST below /api/v1 is 405."""
    assert forwarding.call("POST", "/api/v1/traces", b"{}").status == 405


def test_a_query_service_that_is_away_is_502(running: Any) -> None:
    """The reason is JSON, and the gateway itself stays ready."""
    gateway = type(running)("http://127.0.0.1:9")
    gateway.start()
    try:
        answer = gateway.call("GET", "/api/v1/traces")

        assert (answer.status, answer.json["error"]["code"]) == (502, "query_unavailable")
        assert gateway.call("GET", "/readyz").status == 200
    finally:
        gateway.stop()
