"""What a caller of the proxy gets, what reaches the API behind, and what is recorded."""

import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import openai
import pytest

MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]
TOOL: Any = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}}},
}
USAGE = {"input": 12, "cache_read_input": 8, "output": 5}


def client(api: Any, **said: Any) -> openai.OpenAI:
    """Return the SDK, pointed at the proxy with a provider's key."""
    return openai.OpenAI(**{"base_url": api.base_url, "api_key": "sk-provider", "max_retries": 0, "timeout": 10.0, **said})


def test_a_plain_call(api: Any) -> None:
    """The answer is the API's own; the provider's key went on, Sluice's did not; the call is a generation."""
    with client(api) as sdk:
        answer = sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, temperature=0.5)

    assert answer.choices[0].message.content == "Hello!"
    [received] = api.stand_in.received
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")
    assert json.loads(received.body) == {"messages": MESSAGES, "model": "gpt-4o-mini", "temperature": 0.5}
    assert received.headers["authorization"] == "Bearer sk-provider"
    assert "sl-ingest" not in json.dumps(received.headers)
    assert received.headers["host"] == f"127.0.0.1:{api.stand_in.port}"
    [said] = api.recorded()
    assert (said["kind"], said["name"]) == ("generation", "chat gpt-4o-mini")
    assert (said["model"], said["requested_model"]) == ("gpt-4o-mini-2024-07-18", "gpt-4o-mini")
    assert (said["usage"], said["usage_semantics"]) == (USAGE, "inclusive")
    assert json.loads(said["input"]) == MESSAGES
    assert json.loads(said["output"]) == {"role": "assistant", "content": "Hello!"}
    assert said["model_parameters"] == {"temperature": "0.5"}
    assert said["end_time"] >= said["start_time"]
    assert "completion_start_time" not in said
    assert "level" not in said


def test_a_streamed_call(api: Any) -> None:
    """Chunks come through; the record holds the whole text, usage where the client asked for it, and the first token's time."""
    with client(api) as sdk:
        stream = sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True, stream_options={"include_usage": True})
        texts = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]

    assert "".join(text or "" for text in texts) == "Hello!"
    [said] = api.recorded()
    assert json.loads(said["output"]) == {"role": "assistant", "content": "Hello!"}
    assert said["usage"] == USAGE
    assert said["start_time"] <= said["completion_start_time"] <= said["end_time"]
    assert json.loads(said["metadata"]["finish_reason"]) == "stop"


def test_usage_is_not_asked_for_in_the_clients_name(api: Any) -> None:
    """A stream without usage stays one: the request went on as it was."""
    with client(api) as sdk:
        list(sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True))

    [said] = api.recorded()
    assert "stream_options" not in json.loads(api.stand_in.received[0].body)
    assert "usage" not in said


def test_tool_calls(api: Any) -> None:
    """Arguments that came in pieces are put together again; tools stand beside the messages."""
    with client(api) as sdk:
        list(sdk.chat.completions.create(model="tools", messages=MESSAGES, tools=[TOOL], stream=True))

    [said] = api.recorded()
    [call] = json.loads(said["output"])["tool_calls"]
    assert (call["id"], call["function"]) == ("call_1", {"name": "look_up", "arguments": '{"id": 7}'})
    assert json.loads(said["input"]) == {"messages": MESSAGES, "tools": [TOOL]}


def test_embeddings(api: Any) -> None:
    """An embedding is one, with its usage."""
    with client(api) as sdk:
        sdk.embeddings.create(model="text-embedding-3-small", input="hi", encoding_format="float")

    [said] = api.recorded()
    assert (said["kind"], said["model"], said["usage"]) == ("embedding", "text-embedding-3-small", {"input": 3})


def test_an_error_of_the_api(api: Any) -> None:
    """The status, body and headers are the API's own, and the record says what happened."""
    with client(api) as sdk, pytest.raises(openai.RateLimitError) as caught:
        sdk.chat.completions.create(model="failing", messages=MESSAGES)

    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.request_id == "req_1"
    assert caught.value.code == "rate_limited"
    [said] = api.recorded()
    assert (said["level"], said["status_message"]) == ("ERROR", "slow down")
    assert said["metadata"]["status_code"] == "429"
    assert said["requested_model"] == "failing"


def test_a_slow_first_token_is_waited_for(api: Any) -> None:
    """Nothing comes before the API says it: a chunk that is written is there at once, the next only once it is written."""
    with client(api) as sdk:
        stream = iter(sdk.chat.completions.create(model="held", messages=MESSAGES, stream=True))
        first, second = next(stream), next(stream)
        assert (first.choices[0].delta.role, second.choices[0].delta.content) == ("assistant", "Hel")
        threading.Timer(0.1, api.let_go_on).start()
        rest = [chunk.choices[0].delta.content for chunk in stream]

    assert rest == ["lo!"]
    [said] = api.recorded()
    assert said["end_time"] - said["completion_start_time"] >= 90_000
    assert json.loads(said["output"])["content"] == "Hello!"


@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_an_answer_of_a_megabyte(api: Any, way: str) -> None:
    """It arrives whole; its copy is cut, says so, and has the usage that stands at its end."""
    with client(api) as sdk:
        if way == "streamed":
            options: Any = {"include_usage": True}
            stream = sdk.chat.completions.create(model="large", messages=MESSAGES, stream=True, stream_options=options)
            length = sum(len(chunk.choices[0].delta.content or "") for chunk in stream if chunk.choices)
        else:
            length = len(sdk.chat.completions.create(model="large", messages=MESSAGES).choices[0].message.content or "")

    assert length == 1_000_000
    [said] = api.recorded()
    assert (said["usage"], said["model"]) == (USAGE, "gpt-4o-mini-2024-07-18")
    assert int(said["metadata"]["answer_cut_bytes"]) > 1_000_000
    assert 64 * 1024 < len(said["output"]) < 400_000
    api.await_that(lambda: api.holding.held_bytes == 0)


def test_a_request_of_several_megabytes(api: Any) -> None:
    """It reaches the API whole; its copy is cut."""
    text = "y" * 3_000_000
    with client(api) as sdk:
        sdk.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": text}])

    assert json.loads(api.stand_in.received[0].body)["messages"][0]["content"] == text
    [said] = api.recorded()
    assert int(said["metadata"]["request_cut_bytes"]) > 3_000_000
    assert (said["usage"], len(said["input"]) < 400_000) == (USAGE, True)


def test_who_and_where_by_open_webuis_headers(api: Any) -> None:
    """User and chat are Open WebUI's; calls of one message share a trace."""
    headers = {
        "X-OpenWebUI-User-Id": "u-1",
        "X-OpenWebUI-User-Email": "ada@example.org",
        "X-OpenWebUI-User-Name": "Ada%20Lovelace",
        "X-OpenWebUI-Chat-Id": "chat-1",
        "X-OpenWebUI-Message-Id": "m-1",
    }
    with client(api, default_headers=headers) as sdk:
        sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
        sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)

    said, _ = api.recorded(2)
    assert (said["user_id"], said["session_id"]) == ("u-1", "chat-1")
    assert json.loads(said["metadata"]["user_name"]) == "Ada Lovelace"
    assert json.loads(said["metadata"]["user_email"]) == "ada@example.org"
    assert len({event.trace_id for event in api.observations}) == 1
    assert (api.trace().fields["session_id"], api.trace().fields["user_id"]) == ("chat-1", "u-1")


def test_helicones_headers(api: Any) -> None:
    """Session, path, user, properties and id are taken from them; the answer names the id."""
    headers = {
        "Helicone-Auth": "Bearer sl-ingest-secret",
        "Helicone-Request-Id": "6b1c0d3e-6c52-4d5c-9d7e-0a4f64d1a001",
        "Helicone-Session-Id": "s-1",
        "Helicone-Session-Path": "/trip/flights",
        "Helicone-Session-Name": "Trip",
        "Helicone-User-Id": "ada",
        "Helicone-Property-Plan": "gold",
    }
    base_url = api.base_url.replace("/sl-ingest-secret", "")
    with client(api, base_url=base_url, default_headers=headers) as sdk:
        answer = sdk.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=MESSAGES)

    assert answer.headers["helicone-id"] == headers["Helicone-Request-Id"]
    assert "helicone-auth" not in api.stand_in.received[0].headers
    said = api.recorded(5)
    by_name = {fields["name"]: (event.entity_id, fields) for event, fields in zip(api.observations, said, strict=True) if "name" in fields}
    call_id, call = by_name["chat gpt-4o-mini"]
    assert call_id == headers["Helicone-Request-Id"]
    assert call["parent_id"] == by_name["flights"][0]
    assert by_name["flights"][1]["parent_id"] == by_name["trip"][0]
    assert (call["user_id"], call["session_id"], call["metadata"]["plan"]) == ("ada", "s-1", '"gold"')
    assert api.trace().fields["name"] == "Trip"


def test_the_key_behind_v1(api: Any) -> None:
    """As Helicone has it, and Open WebUI's base URL."""
    base_url = api.base_url.replace("/sl-ingest-secret/v1", "/v1/sl-ingest-secret")
    with client(api, base_url=base_url) as sdk:
        assert sdk.models.list().data[0].id == "gpt-4o-mini"

    assert api.stand_in.received[0].path == "/v1/models"


def test_other_calls_pass_and_are_no_generations(api: Any) -> None:
    """A list of models is passed on with its query, and not recorded."""
    with client(api) as sdk:
        sdk.get("/models", cast_to=object, options={"params": {"after": "a b"}})
        sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)

    assert (api.stand_in.received[0].method, api.stand_in.received[0].path) == ("GET", "/v1/models?after=a+b")
    assert [fields["name"] for fields in api.recorded()] == ["chat gpt-4o-mini"]


@pytest.mark.parametrize(("key", "status"), [("sl-ingest-nobody", 401), ("sl-read-secret", 403)])
def test_a_key_that_may_not_write(api: Any, key: str, status: int) -> None:
    """It is refused in OpenAI's words before anything is passed on."""
    with client(api, base_url=api.base_url.replace("sl-ingest-secret", key)) as sdk, pytest.raises(openai.APIStatusError) as caught:
        sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)

    assert (caught.value.status_code, caught.value.code) == (status, "invalid_sluice_key")
    assert api.stand_in.received == []


def test_sluices_key_in_the_providers_place_is_not_passed_on(api: Any) -> None:
    """A client with room for one key alone shows Sluice's; the API behind gets none."""
    with client(api, api_key="sl-ingest-secret") as sdk:
        sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)

    assert "authorization" not in api.stand_in.received[0].headers
    assert "sl-ingest-secret" not in json.dumps(api.stand_in.received[0].headers)
    assert len(api.recorded()) == 1


def test_hop_by_hop_headers_end_here(api: Any) -> None:
    """So do those that Connection names; others pass, cookies and custom ones too."""
    connection = http.client.HTTPConnection("127.0.0.1", api.http.port, timeout=10)
    headers = {"connection": "keep-alive, x-hop", "x-hop": "1", "te": "trailers", "x-custom": "2", "content-type": "application/json"}
    connection.request(
        "POST",
        "/helicone/proxy/sl-ingest-secret/v1/chat/completions",
        json.dumps({"model": "gpt-4o-mini", "messages": MESSAGES}),
        headers,
    )
    answer = connection.getresponse()
    answer.read()
    connection.close()

    received = api.stand_in.received[0].headers
    assert answer.status == 200
    assert not {"x-hop", "te"} & received.keys()
    assert received["x-custom"] == "2"
    assert len(api.recorded()) == 1


def test_a_client_that_goes_away(api: Any) -> None:
    """The call behind ends too, and is recorded as cancelled, with what had come."""
    body = json.dumps({"model": "held", "messages": MESSAGES, "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", api.http.port), timeout=10) as connection:
        head = f"POST /helicone/proxy/sl-ingest-secret/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"content-type: application/json\r\n\r\n" + body)
        received = b""
        while b"Hel" not in received:
            received += connection.recv(65536)

    [said] = api.recorded()
    assert (said["level"], said["status_message"]) == ("WARNING", "cancelled by the client")
    assert json.loads(said["output"])["content"] == "Hel"
    assert api.stand_in.aborted.wait(10)


def test_an_answer_that_breaks_off(api: Any) -> None:
    """The client sees the break; the record says so and keeps what had come."""
    with client(api) as sdk, pytest.raises(Exception, match=r"closed|incomplete|protocol|terminated|Connection"):
        list(sdk.chat.completions.create(model="cut", messages=MESSAGES, stream=True))

    [said] = api.recorded()
    assert said["level"] == "ERROR"
    assert json.loads(said["output"])["content"] == "Hel"


def test_without_a_target_the_proxy_is_off(api_without_target: Any) -> None:
    """404 says which variable is missing."""
    with client(api_without_target) as sdk, pytest.raises(openai.NotFoundError) as caught:
        sdk.models.list()

    assert "PROXY_TARGET_URL" in caught.value.message


@pytest.mark.parametrize("rest", ["sl-ingest-secret/v2/models", "sl-ingest-secret/v1/%2e%2e/admin", "sl-ingest-secret"])
def test_a_path_that_leads_nowhere(api: Any, rest: str) -> None:
    """404 shows the form; nothing reaches the API outside its base URL."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{api.http.port}/helicone/proxy/{rest}", timeout=10)

    assert caught.value.code == 404
    assert b"/helicone/proxy/<key>/v1" in caught.value.read()
    assert api.stand_in.received == []


def test_an_api_that_is_not_there(api: Any) -> None:
    """502 in OpenAI's words, recorded as an error."""
    target, api.proxy._target = api.proxy._target, "http://127.0.0.1:9"
    try:
        with client(api) as sdk, pytest.raises(openai.InternalServerError) as caught:
            sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    finally:
        api.proxy._target = target

    assert (caught.value.status_code, caught.value.code) == (502, "proxy_target_unavailable")
    [said] = api.recorded()
    assert (said["level"], said["requested_model"]) == ("ERROR", "gpt-4o-mini")


def timed_calls(api: Any, count: int) -> float:
    """Return how long a call takes at the median, seconds."""
    took = []
    with client(api) as sdk:
        for _ in range(count):
            started = time.perf_counter()
            assert sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES).choices
            took.append(time.perf_counter() - started)
    return sorted(took)[count // 2]


@pytest.mark.parametrize("fault", ["away", "silent"])
def test_calls_do_not_notice_the_pipelines_faults(api: Any, fault: str) -> None:
    """With Kafka away, or not answering at all, calls succeed as fast as ever; nothing is held once a record is given up."""
    before_seconds = timed_calls(api, 15)
    api.recorded(15)
    api.break_pipeline(fault)

    during_seconds = timed_calls(api, 15)

    assert during_seconds < max(3 * before_seconds, 0.05)
    assert len(api.stand_in.received) == 30
    api.fresh()
    api.await_that(lambda: api.holding.held_bytes == 0)


def test_a_passing_fault_loses_no_record(api: Any) -> None:
    """A call that was made while Kafka was away is stored once it is back."""
    api.publisher.away = "Kafka is away"
    with client(api) as sdk:
        sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    api.publisher.away = None

    assert api.recorded()[0]["usage"] == USAGE


def test_no_room_for_copies(api: Any) -> None:
    """Where the gateway holds as much as it may, calls go on and their records are cut."""
    api.await_that(lambda: api.holding.held_bytes == 0)
    assert api.holding.admit(api.max_held_bytes)
    try:
        with client(api) as sdk:
            assert sdk.chat.completions.create(model="large", messages=MESSAGES).choices
        [said] = api.recorded()
    finally:
        api.holding.release(api.max_held_bytes)

    assert said["usage"] == USAGE
    assert "output" not in said
