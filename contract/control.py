"""The compacted `control` topic: projects and keys, held in memory by every service that must know them."""

import dataclasses
import hmac
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from contract.codec import Codec
from contract.degradation import Degradation, degradation_of
from contract.errors import AccessError, CodecError, RetryableError
from contract.evaluation import ProjectEvaluators
from contract.kafka import KafkaSettings, consumer
from contract.keys import ApiKey, Presented, Project, Scope, sha256_of
from contract.limits import NO_RESTRICTION, ProjectLimits, ProjectRestriction
from contract.retention import ProjectRetention
from contract.schemas import (
    API_KEY,
    DEGRADATION,
    PROJECT,
    PROJECT_EVALUATORS,
    PROJECT_LIMITS,
    PROJECT_REDACTION,
    PROJECT_RESTRICTION,
    PROJECT_RETENTION,
)
from contract.topics import CONTROL

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
PUBLISH_TIMEOUT_SECONDS = 10.0


class Directory:
    """Projects, their keys, limits and redaction rules as last heard. Replaced values are swapped in whole, so readers need no lock."""

    def __init__(self) -> None:
        self._projects: dict[str, Project] = {}
        self._keys: dict[str, ApiKey] = {}
        self._limits: dict[str, ProjectLimits] = {}
        self._retentions: dict[str, ProjectRetention] = {}
        self._redactions: dict[str, str] = {}
        self._restrictions: dict[str, ProjectRestriction] = {}
        self._evaluators: dict[str, ProjectEvaluators] = {}
        self.degradation: Degradation | None = None

    def apply(self, name: str, record: dict[str, Any]) -> None:
        """Take in one control record."""
        if name == PROJECT:
            project = Project(record["project_id"], record["name"], record["public_key"])
            self._projects = _with(self._projects, project.project_id, None if record["is_deleted"] else project)
        elif name == API_KEY:
            key = ApiKey(record["key_id"], record["project_id"], record["scope"], record["secret_sha256"])
            self._keys = _with(self._keys, key.secret_sha256, None if record["is_revoked"] else key)
        elif name == PROJECT_LIMITS:
            limits = ProjectLimits(**record)
            self._limits = _with(self._limits, limits.project_id, limits)
        elif name == PROJECT_RETENTION:
            retention = ProjectRetention(**record)
            self._retentions = _with(self._retentions, retention.project_id, retention)
        elif name == PROJECT_REDACTION:
            self._redactions = _with(self._redactions, record["project_id"], record["rules"] or None)
        elif name == PROJECT_RESTRICTION:
            restriction = ProjectRestriction(**record)
            lasting = None if restriction.action == NO_RESTRICTION else restriction
            self._restrictions = _with(self._restrictions, restriction.project_id, lasting)
        elif name == PROJECT_EVALUATORS:
            evaluators = _evaluators_of(record)
            self._evaluators = _with(self._evaluators, evaluators.project_id, None if evaluators.is_default else evaluators)
        elif name == DEGRADATION:
            self.degradation = degradation_of(record)

    def authorise(self, shown: Presented | None, scope: Scope, digest: str | None = None) -> Project:
        """Return the project whose key was shown; raise AccessError where there is none, or not of `scope`.

        Keys are found by the hash of the secret, so the look-up's time says nothing about any stored key: whoever guesses cannot
        choose hashes that share a beginning with one. `digest` is that hash, where the caller has it.
        """
        if shown is None:
            raise AccessError("no key: send Authorization: Bearer <key>, Basic <public key>:<key>, or x-api-key")
        key = self._keys.get(digest or sha256_of(shown.secret))
        project = self._projects.get(key.project_id) if key else None
        if key is None or project is None:
            raise AccessError("unknown key")
        if shown.public_key is not None and not hmac.compare_digest(shown.public_key.encode(), project.public_key.encode()):
            raise AccessError("this key does not belong to that public key")
        if not key.may(scope):
            raise AccessError(f"this key's scope is {key.scope}, which may not {scope}", is_known=True)
        return project

    def knows(self, key: ApiKey) -> bool:
        """Tell whether `key` is known and means the same."""
        return self._keys.get(key.secret_sha256) == key

    @property
    def projects(self) -> dict[str, Project]:
        """Return the projects by id."""
        return self._projects

    def limits_of(self, project_id: str) -> ProjectLimits | None:
        """Return the rates a project has for itself."""
        return self._limits.get(project_id)

    @property
    def retentions(self) -> dict[str, ProjectRetention]:
        """Return how long days are hot and kept, by the projects that say so themselves."""
        return self._retentions

    def redaction_of(self, project_id: str) -> str | None:
        """Return a project's redaction rules, as JSON."""
        return self._redactions.get(project_id)

    def restriction_of(self, project_id: str) -> ProjectRestriction | None:
        """Return what is done with a project's events for now, if anything."""
        return self._restrictions.get(project_id)

    def evaluators_of(self, project_id: str) -> ProjectEvaluators | None:
        """Return what a project says of its evaluators, if anything."""
        return self._evaluators.get(project_id)

    def dump(self) -> bytes:
        """Return everything as JSON, for the snapshot on disk; it holds hashes, no secrets."""
        held = _Snapshot(
            list(self._projects.values()),
            list(self._keys.values()),
            list(self._limits.values()),
            self._redactions,
            list(self._retentions.values()),
            list(self._restrictions.values()),
            list(self._evaluators.values()),
        )
        return msgspec.json.encode(held)

    def restore(self, snapshot: bytes) -> None:
        """Take in what `dump` wrote."""
        held = msgspec.json.decode(snapshot, type=_Snapshot)
        self._projects = {project.project_id: project for project in held.projects}
        self._keys = {key.secret_sha256: key for key in held.keys}
        self._limits = {limits.project_id: limits for limits in held.limits}
        self._redactions = held.redactions
        self._retentions = {retention.project_id: retention for retention in held.retentions}
        self._restrictions = {restriction.project_id: restriction for restriction in held.restrictions}
        self._evaluators = {evaluators.project_id: evaluators for evaluators in held.evaluators}


class _Snapshot(msgspec.Struct):
    projects: list[Project]
    keys: list[ApiKey]
    limits: list[ProjectLimits] = []
    redactions: dict[str, str] = {}
    retentions: list[ProjectRetention] = []
    restrictions: list[ProjectRestriction] = []
    evaluators: list[ProjectEvaluators] = []


def _with(held: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return `held` with `key` set, or without it where `value` is None."""
    rest = {name: other for name, other in held.items() if name != key}
    return rest if value is None else {**rest, key: value}


class ControlReader:
    """Reads `control` from its beginning on a thread of its own and keeps a Directory up to date."""

    def __init__(self, settings: KafkaSettings, codec: Codec, directory: Directory, snapshot: Path | None = None) -> None:
        self._settings = settings
        self._codec = codec
        self._directory = directory
        self._snapshot = snapshot
        self._caught_up = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control-reader", daemon=True)

    def start(self) -> None:
        """Restore the snapshot, if there is one, and begin reading."""
        if self._snapshot is not None and self._snapshot.is_file():
            self._directory.restore(self._snapshot.read_bytes())
            logger.info("control_snapshot_restored projects=%d", len(self._directory.projects))
        self._thread.start()

    def wait_caught_up(self, timeout_seconds: float) -> bool:
        """Wait until all that stood on the topic at the start has been read."""
        return self._caught_up.wait(timeout_seconds)

    @property
    def is_caught_up(self) -> bool:
        """Tell whether the directory is complete, by the topic or by a snapshot."""
        return self._caught_up.is_set() or bool(self._directory.projects)

    def stop(self) -> None:
        """Stop reading and close the consumer."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * POLL_SECONDS + 5)

    def _run(self) -> None:
        source = consumer(self._settings, group_id="sluice-control-readers")
        try:
            self._follow(source)
        finally:
            source.close()

    def _follow(self, source: Consumer) -> None:
        end = self._end_offset(source)
        source.assign([TopicPartition(CONTROL, 0, OFFSET_BEGINNING)])
        position = 0
        while not self._stopping.is_set():
            if position >= end and not self._caught_up.is_set():
                self._caught_up.set()
                self._write_snapshot()
            message = source.poll(POLL_SECONDS)
            if message is None or message.error() is not None:
                position = max(position, _position(source))
                continue
            position = (message.offset() or 0) + 1
            self._take(message.value())

    def _end_offset(self, source: Consumer) -> int:
        while not self._stopping.is_set():
            try:
                return int(source.get_watermark_offsets(TopicPartition(CONTROL, 0), timeout=POLL_SECONDS * 4)[1])
            except KafkaException as error:
                logger.warning("control_topic_unreachable error=%s", error)
                self._stopping.wait(POLL_SECONDS)
        return 0

    def _take(self, value: bytes | None) -> None:
        if not value:
            return
        try:
            name, record = self._codec.decode(value)
            self._directory.apply(name, record)
        except CodecError:
            logger.exception("control_record_unreadable")
            return
        if self._caught_up.is_set() and name != DEGRADATION:
            self._write_snapshot()

    def _write_snapshot(self) -> None:
        if self._snapshot is None:
            return
        self._snapshot.parent.mkdir(parents=True, exist_ok=True)
        draft = self._snapshot.with_suffix(".draft")
        draft.write_bytes(self._directory.dump())
        draft.replace(self._snapshot)


def _position(source: Consumer) -> int:
    """Return the offset read up to; compaction may leave no record at the very end."""
    try:
        return max(0, int(source.position([TopicPartition(CONTROL, 0)])[0].offset))
    except KafkaException:
        return 0


def project_record(project: Project, *, is_deleted: bool = False) -> tuple[str, str, dict[str, Any]]:
    """Return (Kafka key, record name, record) of a project."""
    record = {"project_id": project.project_id, "name": project.name, "public_key": project.public_key, "is_deleted": is_deleted}
    return f"project/{project.project_id}", PROJECT, record


def key_record(key: ApiKey, *, is_revoked: bool = False) -> tuple[str, str, dict[str, Any]]:
    """Return (Kafka key, record name, record) of an API key."""
    record = {
        "key_id": key.key_id,
        "project_id": key.project_id,
        "scope": key.scope,
        "secret_sha256": key.secret_sha256,
        "is_revoked": is_revoked,
    }
    return f"key/{key.key_id}", API_KEY, record


def retention_record(retention: ProjectRetention) -> tuple[str, str, dict[str, Any]]:
    """Return (Kafka key, record name, record) of how long a project's days are hot and kept."""
    return f"retention/{retention.project_id}", PROJECT_RETENTION, dataclasses.asdict(retention)


def limits_record(limits: ProjectLimits) -> tuple[str, str, dict[str, Any]]:
    """Return (Kafka key, record name, record) of a project's limits."""
    return f"limits/{limits.project_id}", PROJECT_LIMITS, dataclasses.asdict(limits)


def redaction_record(project_id: str, rules: str) -> tuple[str, str, dict[str, Any]]:
    """Return (Kafka key, record name, record) of a project's redaction rules, JSON; empty for none."""
    return f"redaction/{project_id}", PROJECT_REDACTION, {"project_id": project_id, "rules": rules}


def restriction_record(restriction: ProjectRestriction) -> tuple[str, str, dict[str, Any]]:
    """Return (Kafka key, record name, record) of what is done with a project's events for now."""
    return f"restriction/{restriction.project_id}", PROJECT_RESTRICTION, dataclasses.asdict(restriction)


def evaluators_record(evaluators: ProjectEvaluators) -> tuple[str, str, dict[str, Any]]:
    """Return (Kafka key, record name, record) of what a project says of its evaluators."""
    record = dataclasses.asdict(evaluators)
    return f"evaluators/{evaluators.project_id}", PROJECT_EVALUATORS, record | {"names": _listed(evaluators.names)}


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def _evaluators_of(record: dict[str, Any]) -> ProjectEvaluators:
    names = record["names"]
    return ProjectEvaluators(**{**record, "names": None if names is None else tuple(names)})


def degradation_record(said: Degradation) -> tuple[str, str, dict[str, Any]]:
    """Return (Kafka key, record name, record) of the level in force."""
    return "degradation", DEGRADATION, dataclasses.asdict(said)


def publish(records: Iterable[tuple[str, str, dict[str, Any]]], producer: Producer, codec: Codec) -> None:
    """Write control records and wait for Kafka; raise RetryableError where it did not take them all."""
    failures: list[str] = []

    def delivered(error: Any, _message: Any) -> None:
        if error is not None:
            failures.append(str(error))

    on_delivery: Callable[[Any, Any], None] = delivered
    for key, name, record in records:
        producer.produce(CONTROL, key=key.encode(), value=codec.encode(name, record), on_delivery=on_delivery)
    if producer.flush(PUBLISH_TIMEOUT_SECONDS) or failures:
        raise RetryableError(f"the control topic did not take every record: {failures[:1]}")
