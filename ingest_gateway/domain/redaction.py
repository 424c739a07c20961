"""Rules that take out of events what must not be stored: where to look, what for, and what is left in its place. Pure."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final, Literal

import msgspec

from contract.events import FIELDS, Event, Rejection
from ingest_gateway.domain.json_paths import DROPPED, Step, changed_at, parsed_path
from ingest_gateway.domain.patterns import NAMED, Find, compiled

Action = Literal["mask", "hash", "drop"]

MOST_RULES = 50
HASH_LETTERS = 16
JSON_FIELDS: Final = frozenset({"input", "output", "metadata", "model_parameters"})
TEXT_FIELDS: Final = frozenset({"name", "status_message", "comment", "string_value", "prompt_name", "tags"})
ID_FIELDS: Final = frozenset({"session_id", "user_id"})
"""Looked at only where a rule names them: masked, all users would be one. Hash them."""
ALL_FIELDS: Final = JSON_FIELDS | TEXT_FIELDS | ID_FIELDS
WITHHELD: Final = b'{"withheld": "redaction rules apply to this project, and they cannot be applied to these bytes"}'
UNREADABLE: Final = "[unreadable]"

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


class RuleSaid(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A rule as it is written. It has a `pattern` (a name of NAMED), a `regex`, a `path`, or a path and one of the others."""

    name: str
    action: Action = "mask"
    pattern: str | None = None
    regex: str | None = None
    path: str | None = None
    fields: list[str] | None = None
    replacement: str | None = None


class RulesSaid(msgspec.Struct, forbid_unknown_fields=True):
    """`{"rules": […]}`."""

    rules: list[RuleSaid]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that is ready. `find` None: the whole value at `path`."""

    name: str
    action: Action
    find: Find | None
    path: tuple[Step, ...]
    fields: frozenset[str]
    replacement: str


def read_rules(text: bytes | str) -> tuple[Rule, ...]:
    """Read rules; raise ValueError naming the rule that cannot be used."""
    try:
        said = msgspec.json.decode(text, type=RulesSaid).rules
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not redaction rules: {error}") from None
    if len(said) > MOST_RULES:
        raise ValueError(f"more than {MOST_RULES} redaction rules")
    return tuple(_rule(rule) for rule in said)


def _rule(said: RuleSaid) -> Rule:
    try:
        return Rule(
            name=said.name,
            action=said.action,
            find=_find_of(said),
            path=parsed_path(said.path) if said.path else (),
            fields=_fields_of(said),
            replacement=f"[{said.name}]" if said.replacement is None else said.replacement,
        )
    except ValueError as error:
        raise ValueError(f"redaction rule {said.name!r}: {error}") from None


def _find_of(said: RuleSaid) -> Find | None:
    if (said.pattern and said.regex) or not (said.pattern or said.regex or said.path):
        raise ValueError("it needs a pattern, a regex or a path, and not both of the first two")
    if said.pattern and said.pattern not in NAMED:
        raise ValueError(f"no pattern {said.pattern!r}; there are {', '.join(sorted(NAMED))}")
    if said.pattern:
        return NAMED[said.pattern]
    return compiled(said.regex) if said.regex else None


def _fields_of(said: RuleSaid) -> frozenset[str]:
    allowed = JSON_FIELDS if said.path else ALL_FIELDS
    default = JSON_FIELDS if said.path else JSON_FIELDS | TEXT_FIELDS
    fields = default if said.fields is None else frozenset(said.fields)
    if not fields or fields - allowed:
        raise ValueError(f"fields are some of {', '.join(sorted(allowed))}, not {', '.join(sorted(fields - allowed)) or 'none'}")
    return fields


class _DropError(Exception):
    """What is looked at goes away whole."""


class Redactor:
    """Applies rules to what one project sends. Hashes are the project's own: the same value hashes differently elsewhere."""

    def __init__(self, rules: Sequence[Rule], project_id: str, hash_key: bytes | None) -> None:
        self._rules = rules
        self._key = hmac.digest(hash_key, project_id.encode(), "sha256") if hash_key else None
        self._by_field = {name: tuple(rule for rule in rules if name in rule.fields) for name in ALL_FIELDS}
        self._patterns = tuple(rule for rule in rules if rule.find is not None)
        self._has_paths = any(rule.path for rule in rules)

    def items(self, items: Iterable[Event | Rejection]) -> list[Event | Rejection]:
        """Return events and refused ones as they may be kept."""
        return [self.event(item) if isinstance(item, Event) else self.rejection(item) for item in items]

    def rejection(self, rejection: Rejection) -> Rejection:
        """Return a refused event as it may be kept. Its bytes are a client's own, in which fields and paths have other names."""
        original = None if rejection.original is None else self._original(rejection.original)
        message = self._text(rejection.message, self._patterns)
        return replace(rejection, original=original, message="" if message is None else message)

    def event(self, event: Event) -> Event:
        """Return an event as it may be stored."""
        fields: dict[str, Any] = {}
        for name, value in event.fields.items():
            rules = self._by_field.get(name, ())
            left = self._field(FIELDS[event.entity].get(name, ""), value, rules) if rules else value
            if left is not None:
                fields[name] = left
        return msgspec.structs.replace(event, fields=fields)

    def _field(self, kind: str, value: Any, rules: Sequence[Rule]) -> Any:
        match kind:
            case "text":
                return self._text(value, rules)
            case "tags":
                return [left for tag in value if (left := self._text(tag, rules)) is not None]
            case "json":
                left = self._json(_read(value), rules)
                return None if left is DROPPED else _encode(left).decode()
            case "json_map":
                members = self._json({name: _read(text) for name, text in value.items()}, rules)
                return {} if members is DROPPED else {name: _encode(member).decode() for name, member in members.items()}
            case _:
                return value

    def _original(self, original: bytes) -> bytes:
        if self._has_paths:
            return WITHHELD
        try:
            value = _decode(original)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return WITHHELD
        return _encode(None if (left := self._scrubbed(value, self._patterns)) is DROPPED else left)

    def _json(self, value: Any, rules: Sequence[Rule]) -> Any:
        for rule in rules:
            if rule.path:
                value = changed_at(value, rule.path, self._change_of(rule))
        patterns = [rule for rule in rules if not rule.path]
        return self._scrubbed(value, patterns) if patterns else value

    def _change_of(self, rule: Rule) -> Callable[[Any], Any]:
        def change(value: Any) -> Any:
            if rule.find is not None:
                return self._scrubbed(value, (rule,))
            if rule.action == "drop":
                return DROPPED
            return self._put(rule, value if isinstance(value, str) else _encode(value).decode())

        return change

    def _scrubbed(self, value: Any, rules: Sequence[Rule]) -> Any:
        """Return a JSON value with every text in it looked at, names of members and whole numbers too."""
        if isinstance(value, str):
            text = self._text(value, rules)
            return DROPPED if text is None else text
        if isinstance(value, dict):
            return self._scrubbed_members(value, rules)
        if isinstance(value, list):
            elements = []
            for element in value:
                left = self._scrubbed(element, rules)
                elements.append(None if left is DROPPED else left)
            return elements
        if isinstance(value, int) and not isinstance(value, bool):
            text = self._text(str(value), rules)
            return value if text == str(value) else DROPPED if text is None else text
        return value

    def _scrubbed_members(self, held: dict[str, Any], rules: Sequence[Rule]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, member in held.items():
            shown, left = self._text(name, rules), self._scrubbed(member, rules)
            if shown is not None and left is not DROPPED:
                members[_free(shown, members)] = left
        return members

    def _text(self, text: str, rules: Sequence[Rule]) -> str | None:
        """Return a text with what was found replaced; None where a rule drops it."""
        try:
            for rule in rules:
                if rule.find is not None:
                    text = rule.find(text, partial(self._found, rule))
        except _DropError:
            return None
        return text

    def _found(self, rule: Rule, found: str) -> str:
        if rule.action == "drop":
            raise _DropError
        return self._put(rule, found)

    def _put(self, rule: Rule, text: str) -> str:
        """Return what stands in for `text`. Without a key nothing is hashed: anybody could find out what was."""
        if rule.action == "hash" and self._key is not None:
            return f"{rule.name}:{hmac.new(self._key, text.encode('utf-8', 'surrogatepass'), hashlib.sha256).hexdigest()[:HASH_LETTERS]}"
        return rule.replacement


def _read(text: str) -> Any:
    """Return a field's JSON as a value; what cannot be read cannot be looked at and is not kept."""
    try:
        return _decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return UNREADABLE


def _free(name: str, members: dict[str, Any]) -> str:
    """Return a name that no member has: two names may have become the same."""
    if name not in members:
        return name
    number = 2
    while f"{name} {number}" in members:
        number += 1
    return f"{name} {number}"


class Redaction:
    """The rules of all projects: those for everybody, and a project's own after them. Without any there is no redactor, and no cost."""

    def __init__(
        self,
        everywhere: Sequence[Rule] = (),
        hash_key: bytes | None = None,
        rules_of: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._everywhere = tuple(everywhere)
        self._hash_key = hash_key
        self._rules_of = rules_of
        self._made: dict[str, tuple[str | None, Redactor]] = {}

    def redactor(self, project_id: str) -> Redactor | None:
        """Return what applies a project's rules; raise ValueError where they cannot be read, and then nothing may be stored."""
        own = self._rules_of(project_id)
        if not own and not self._everywhere:
            return None
        known = self._made.get(project_id)
        if known is not None and known[0] == own:
            return known[1]
        rules = (*self._everywhere, *(read_rules(own) if own else ()))
        redactor = Redactor(rules, project_id, self._hash_key)
        self._made[project_id] = (own, redactor)
        return redactor
