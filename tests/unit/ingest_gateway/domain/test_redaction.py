"""What rules take out of events, and what they leave."""

import json
from typing import Any

import pytest

from contract.events import Event, Rejection, RejectionCode
from ingest_gateway.domain.redaction import Redaction, Redactor, read_rules

CARD = "4111 1111 1111 1111"


def redactor(*rules: dict[str, Any], project_id: str = "p", key: bytes | None = b"key") -> Redactor:
    """Return what applies these rules."""
    return Redactor(read_rules(json.dumps({"rules": rules})), project_id, key)


def kept(rule: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return what a rule leaves of an observation's fields."""
    event = Event(entity="observation", entity_id="o", trace_id="t", event_id="e", event_time=1, fields=fields)
    return redactor({"name": "r", **rule}).event(event).fields


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("email", "ask jo.doe+x@mail.example.org today", "ask [r] today"),
        ("email", "ask пётр@почта.рф", "ask [r]"),
        ("email", "a @ b", "a @ b"),
        ("credit_card", f"pay {CARD}!", "pay [r]!"),
        ("credit_card", "4111111111111111 12", "[r] 12"),
        ("credit_card", "4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("credit_card", "order 1795245300000", "order 1795245300000"),
        ("phone", "call +49 170 1234567 or (415) 555-2671", "call [r] or [r]"),
        ("phone", "in 2026-11-21 we made 1234567 calls", "in 2026-11-21 we made 1234567 calls"),
        ("api_key", "use sk-proj-abcdefghijklmnop123", "use [r]"),
        ("api_key", "AKIAIOSFODNN7EXAMPLE", "[r]"),
        ("api_key", "a sk-short one", "a sk-short one"),
    ],
)
def test_named_patterns_find_what_they_are_for(pattern: str, text: str, expected: str) -> None:
    """And leave what only resembles it."""
    assert kept({"pattern": pattern}, input=json.dumps({"q": [text]}), status_message=text) == {
        "input": json.dumps({"q": [expected]}, separators=(",", ":"), ensure_ascii=False),
        "status_message": expected,
    }


def test_escapes_hide_nothing() -> None:
    """JSON is looked at as what it means, not as it is written; names of members and numbers too, and repeated ones."""
    written = '{"a\\u0040b.org": 4111111111111111, "x": "c\\u0040d.org", "x": "fine", "n": 1.50}'

    assert kept({"pattern": "email"}, input=written) == {"input": '{"[r]":4111111111111111,"x":"fine","n":1.50}'}
    assert kept({"pattern": "credit_card"}, input="[4111111111111111, true, 7]") == {"input": '["[r]",true,7]'}


def test_what_is_dropped_is_gone() -> None:
    """A text field, a member, an element, a tag."""
    fields = {"name": "a@b.org", "input": '{"x":"a@b.org","y":["a@b.org",1]}', "tags": ["a@b.org", "ok"], "metadata": {"m": '"a@b.org"'}}

    assert kept({"pattern": "email", "action": "drop"}, **fields) == {"input": '{"y":[null,1]}', "tags": ["ok"], "metadata": {}}


def test_a_hash_is_the_same_for_the_same_value_within_a_project_alone() -> None:
    """So that one can still count; without the key nobody can try values, and without one it is a mask."""
    rule = {"name": "r", "pattern": "email", "action": "hash", "fields": ["user_id"]}
    event = Event(entity="trace", entity_id="t", trace_id="t", event_id="e", event_time=1, fields={"user_id": "a@b.org"})
    mine, again, other, keyless = (
        redactor(rule, project_id=project, key=key).event(event).fields["user_id"]
        for project, key in (("p", b"k"), ("p", b"k"), ("q", b"k"), ("p", None))
    )

    assert mine == again
    assert mine.startswith("r:")
    assert len({mine, other, keyless}) == 3
    assert keyless == "[r]"


def test_users_and_sessions_are_left_alone_unless_they_are_named() -> None:
    """Masked, all users would be one."""
    assert kept({"pattern": "email"}, user_id="a@b.org") == {"user_id": "a@b.org"}


@pytest.mark.parametrize(
    ("path", "action", "expected"),
    [
        ("$.messages[*].content", "mask", '{"messages":[{"role":"user","content":"[r]"},{"content":"[r]"}],"password":"p"}'),
        ("$.messages[0]", "drop", '{"messages":[null,{"content":["a"]}],"password":"p"}'),
        ("$..content", "drop", '{"messages":[{"role":"user"},{}],"password":"p"}'),
        ("$['password']", "drop", '{"messages":[{"role":"user","content":"hi"},{"content":["a"]}]}'),
        ("$.*", "mask", '{"messages":"[r]","password":"[r]"}'),
        ("$.nothing.here", "drop", '{"messages":[{"role":"user","content":"hi"},{"content":["a"]}],"password":"p"}'),
    ],
)
def test_paths_lead_to_whole_values(path: str, action: str, expected: str) -> None:
    """In input, output and metadata, whose members are where a path begins."""
    written = '{"messages":[{"role":"user","content":"hi"},{"content":["a"]}],"password":"p"}'

    assert kept({"path": path, "action": action}, input=written)["input"] == expected


def test_a_path_and_a_pattern_look_there_alone() -> None:
    """The rest stays as it is."""
    rule = {"path": "$.private", "pattern": "email", "fields": ["metadata"]}

    left = kept(rule, metadata={"private": '{"by":["a@b.org"]}', "public": '"a@b.org"'}, input='"a@b.org"')

    assert left == {"metadata": {"private": '{"by":["[r]"]}', "public": '"a@b.org"'}, "input": '"a@b.org"'}


def test_a_refused_event_is_redacted_too_or_its_bytes_are_withheld() -> None:
    """Dead letters are storage; what cannot be looked at is not kept."""
    refused = Rejection(index=0, code=RejectionCode.WRONG_VALUE, message="name: a@b.org", original=b'{"any": ["a@b.org"]}')
    garbage = Rejection(index=0, code=RejectionCode.MALFORMED, message="", original=b"a@b.org")
    by_pattern = redactor({"name": "r", "pattern": "email"})

    assert by_pattern.rejection(refused).original == b'{"any":["[r]"]}'
    assert by_pattern.rejection(refused).message == "name: [r]"
    assert b"withheld" in (by_pattern.rejection(garbage).original or b"")
    assert b"withheld" in (redactor({"name": "r", "path": "$.any"}).rejection(refused).original or b"")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"regex": "(?=a)"}, "no look-around"),
        ({"regex": r"(a)\1"}, "no look-around and no back-references"),
        ({"regex": "a*"}, "matches nothing"),
        ({"regex": "(((a{100}){100}){100}){100}"}, "patterns are RE2's"),
        ({"regex": "a" * 1001}, "at most 1000"),
        ({"pattern": "iban"}, "there are api_key"),
        ({"pattern": "email", "regex": "x"}, "not both"),
        ({}, "needs a pattern"),
        ({"path": "messages"}, "begins with"),
        ({"path": "$"}, "1 to"),
        ({"pattern": "email", "fields": ["kind"]}, "not kind"),
        ({"pattern": "email", "fields": []}, "not none"),
        ({"pattern": "email", "action": "encrypt"}, "encrypt"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_by_name(rule: dict[str, Any], said: str) -> None:
    """Before it is stored or a gateway starts with it."""
    with pytest.raises(ValueError, match=said):
        read_rules(json.dumps({"rules": [{"name": "mine", **rule}]}))


def test_without_rules_there_is_nothing_to_apply() -> None:
    """And nothing is looked at."""
    assert Redaction().redactor("p") is None


def test_a_project_s_rules_come_after_those_for_all_and_may_change() -> None:
    """Each project has its own; rules that cannot be read stop what would be stored without them."""
    own: dict[str, str] = {"p": '{"rules": [{"name": "mail", "pattern": "email"}]}'}
    redaction = Redaction(read_rules('{"rules": [{"name": "card", "pattern": "credit_card"}]}'), None, own.get)
    event = Event(entity="trace", entity_id="t", trace_id="t", event_id="e", event_time=1, fields={"name": f"a@b.org {CARD}"})

    def name(project_id: str) -> str:
        found = redaction.redactor(project_id)
        assert found is not None
        return str(found.event(event).fields["name"])

    assert (name("p"), name("q")) == ("[mail] [card]", "a@b.org [card]")
    own["p"] = ""
    assert name("p") == "a@b.org [card]"
    own["p"] = "{"
    with pytest.raises(ValueError, match="not redaction rules"):
        redaction.redactor("p")
