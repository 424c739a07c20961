"""Scores as events. Pure: the same row and rule give the same event, so one that is said twice counts once."""

import hashlib

from contract.events import Event
from sinks.evaluators.means import Alert
from sinks.evaluators.rules import RuleSpec
from sinks.evaluators.scoring import Subject

SOURCE = "evaluator"
ID_BYTES = 12


def score_event(subject: Subject, spec: RuleSpec, value: float, row_version: int) -> Event:
    """Return the score of one subject; a later version of the row says it anew, under the same id."""
    score_id = _id(subject.project_id, spec.name, subject.target, subject.id)
    return _event(score_id, spec.name, subject, value, row_version, f"{spec.evaluator}, on its own")


def alert_event(subject: Subject, spec: RuleSpec, alert: Alert, row_version: int) -> Event:
    """Return the alert as a score of the trace that brought it about, so that it is found where scores are."""
    alert_id = _id(subject.project_id, spec.name, "alert", f"{subject.id}:{row_version}")
    return _event(alert_id, f"alert:{spec.name}", subject, alert.mean, row_version, str(alert))


def _event(score_id: str, name: str, subject: Subject, value: float, row_version: int, comment: str) -> Event:
    fields = {"name": name, "value": value, "data_type": "NUMERIC", "source": SOURCE, "comment": comment, "start_time": row_version}
    if subject.target == "observation":
        fields["observation_id"] = subject.id
    return Event(
        entity="score",
        entity_id=score_id,
        trace_id=subject.trace_id,
        event_id=f"{score_id}:{row_version}",
        event_time=row_version,
        fields=fields,
    )


def _id(*parts: str) -> str:
    return "eval-" + hashlib.blake2b("\0".join(parts).encode(), digest_size=ID_BYTES).hexdigest()
