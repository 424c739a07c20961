"""Multipart bodies and batches, whole and broken: one bad run never fails its neighbours."""

import json
from typing import Any

import pytest

from contract.events import RejectionCode
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Limits
from ingest_gateway.adapters.langsmith.multipart import boundary_of, parts_of

RUN = {"id": "r", "name": "n", "run_type": "chain"}


def names_of(outcome: Any) -> list[str]:
    """Return the ids of the runs that are stored."""
    assert isinstance(outcome, Decoded)
    return [event.entity_id for event in outcome.events if event.entity == "observation"]


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; Boundary="a b"; charset=utf-8', b"a b"),
        ("multipart/form-data; boundary=----LangSmithFormBoundaryqxfo0ri8kbh", b"----LangSmithFormBoundaryqxfo0ri8kbh"),
        ("multipart/form-data", None),
    ],
)
def test_boundary(content_type: str, boundary: bytes | None) -> None:
    """Quoted or not."""
    assert boundary_of(content_type) == boundary


def test_parts_with_a_preamble_and_without_content() -> None:
    """As RFC 2046 allows."""
    empty, one = (b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % said for said in ((b"a", b""), (b"c", b"x")))
    body = b"hello\r\n" + empty + one + b"--b--\r\nbye"

    assert [(part.name, bytes(part.content)) for part in parts_of(body, b"b", 9).parts] == [("a", b""), ("c", b"x")]


def test_pieces_of_a_run_in_any_order(send_parts: Any) -> None:
    """Fields before the run's own part, other runs in between, a second statement of the same kind."""
    parts = [
        ("post.r.inputs", {"q": 1}),
        ("post.s", {**RUN, "id": "s"}),
        ("post.r", RUN),
        ("post.r.outputs", {"a": 1}),
        ("patch.r", {**RUN, "end_time": "2026-11-21T07:00:00Z"}),
        ("post.r", {**RUN, "name": "again"}),
        ("post.r.foo", 1),
    ]
    outcome, answer = send_parts(parts)

    assert names_of(outcome) == ["r", "s", "r", "r"]
    assert (outcome.rejections, answer.status) == ([], 202)
    assert outcome.events[0].fields["input"] == '{"q": 1}'


def test_a_bad_run_costs_only_itself(send_parts: Any) -> None:
    """Broken JSON in one part, a missing own part, an unknown kind of part."""
    parts = [
        ("post.a", {**RUN, "id": "a"}),
        ("post.a.outputs", b'{"x": '),
        ("post.b", {**RUN, "id": "b"}),
        ("patch.c.outputs", {"x": 1}),
        ("delete.d", {}),
        ("post.e", {"id": "e", "start_time": "soon"}),
        ("feedback.f", {"score": 1}),
        ("feedback.g", {"key": "k", "score": 1, "run_id": "r"}),
    ]
    outcome, answer = send_parts(parts)

    assert names_of(outcome) == ["b"]
    assert [(rejection.index, rejection.code, rejection.field) for rejection in outcome.rejections] == [
        (0, RejectionCode.MALFORMED, "outputs"),
        (2, RejectionCode.MISSING_FIELD, None),
        (3, RejectionCode.UNSUPPORTED, None),
        (4, RejectionCode.WRONG_VALUE, "start_time"),
        (5, RejectionCode.MISSING_FIELD, "key"),
    ]
    assert (answer.status, answer.headers["x-sluice-rejected"]) == (202, "5")


def test_a_body_that_is_cut_off(send: Any) -> None:
    """What is whole is stored, and that there was more is said."""
    head = b'--b\r\nContent-Disposition: form-data; name="post.r"\r\n\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    for rest in (b"--b\r\n", head, head + b'{"id": "s"'):
        outcome, answer = send("POST", "/runs/multipart", head + json.dumps(RUN).encode() + b"\r\n" + rest, headers=headers)
        assert names_of(outcome) == ["r"]
        assert ([rejection.code for rejection in outcome.rejections], answer.status) == ([RejectionCode.MALFORMED], 202)


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"", "multipart/form-data; boundary=b"), (b"x", "multipart/form-data; boundary=b"), (b"--b", "text/plain")]
)
def test_what_is_no_multipart_body(send: Any, body: bytes, content_type: str) -> None:
    """400, never 404, on which an SDK gives the route up for good."""
    outcome, answer = send("POST", "/runs/multipart", body, headers={"content-type": content_type})

    assert isinstance(outcome, Failure)
    assert (outcome.kind, answer.status) == (FailureKind.MALFORMED, 400)


def test_an_empty_multipart_body(send: Any) -> None:
    """Nothing said, nothing wrong."""
    outcome, answer = send("POST", "/runs/multipart", b"--b--\r\n", headers={"content-type": "multipart/form-data; boundary=b"})

    assert (outcome.events, answer.status) == ([], 202)


def test_too_much_at_once(send_parts: Any, send: Any) -> None:
    """Runs are counted, and so are parts."""
    limits = Limits(max_events=2)
    runs = [{**RUN, "id": str(number)} for number in range(3)]

    assert send_parts([(f"post.{run['id']}", run) for run in runs], limits=limits)[1].status == 413
    assert send_parts([("post.r.x", 1)] * 40, limits=limits)[1].status == 413
    assert send("POST", "/runs/batch", {"post": runs}, limits=limits)[1].status == 413


def test_a_batch_that_is_not_json_as_a_whole(send: Any) -> None:
    """Brackets tell the runs apart; NaN, as Python writes it, is null."""
    posted = b'{"id": "a", "inputs": {"x": NaN}}, {"id": "b", "name": nope}, {"id": "c"}'
    outcome, answer = send("POST", "/runs/batch", b'{"post": [%s], "patch": [{"id": "d", "outputs": {"o": [1]}}]}' % posted)

    assert names_of(outcome) == ["a", "c", "d"]
    assert [(rejection.index, rejection.code) for rejection in outcome.rejections] == [(1, RejectionCode.MALFORMED)]
    assert answer.status == 202


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"post": 7}', b'{"post": [', b'"post": []', b"\xff"])
def test_what_is_no_batch(send: Any, body: bytes) -> None:
    """400 and a reason."""
    outcome, answer = send("POST", "/runs/batch", body)

    assert isinstance(outcome, Failure)
    assert (answer.status, bool(json.loads(answer.body)["detail"])) == (400, True)


def test_an_empty_batch(send: Any) -> None:
    """Nothing said, nothing wrong."""
    bodies: tuple[Any, ...] = ({}, {"post": []}, {"post": None, "patch": []})
    for body in bodies:
        assert send("POST", "/runs/batch", body)[1].status == 202
