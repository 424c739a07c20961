"""A load with everything that makes merging hard: updates before creates, sessions that change, late hours, scores, several projects."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

MODELS = ("gpt-4o", "gpt-4o-mini", "claude-3-5-haiku-20241022", "a-model-nobody-knows")
KINDS = ("generation", "span", "tool", "generation", "agent")
LEVELS = ("DEFAULT", "DEFAULT", "WARNING", "ERROR")

Statement = dict[str, Any]


class Load:
    """Requests of one project, made from a seed."""

    def __init__(self, random: Random, prefix: str, now: datetime) -> None:
        self._random = random
        self._prefix = prefix
        self._now = now
        self._count = 0

    def requests(self, traces: int) -> list[list[Statement]]:
        """Return requests of one to eight statements, of any traces, in any order, some of them sent twice."""
        statements = [statement for number in range(traces) for statement in self._trace(f"{self._prefix}-t{number}")]
        self._random.shuffle(statements)
        requests = []
        while statements:
            size = self._random.randint(1, 8)
            requests.append(statements[:size])
            statements = statements[size:]
        return [*requests, *self._random.sample(requests, len(requests) // 10)]

    def _trace(self, trace_id: str) -> list[Statement]:
        chance = self._random
        start = self._now - timedelta(seconds=chance.uniform(0, 7200), days=chance.choice((0, 0, 0, 2)))
        sessions = [f"{self._prefix}-s{chance.randint(0, 4)}" for _ in range(chance.randint(1, 3))]
        said = [
            self._said(trace_id, "trace", trace_id, start, session_id=session, user_id=f"u{chance.randint(0, 3)}") for session in sessions
        ]
        said[0] |= {"name": "chat", "start_time": _text(start), "tags": ["a", f"t{chance.randint(0, 2)}"], "metadata": {"k": 1}}
        for number in range(chance.randint(1, 5)):
            said += self._observation(trace_id, f"{trace_id}-o{number}", start)
        for number in range(chance.randint(0, 2)):
            score = self._said(
                trace_id, "score", f"{trace_id}-q{number}", start, name="helpful", value=chance.random(), data_type="NUMERIC"
            )
            said.append(score)
        return said

    def _observation(self, trace_id: str, observation_id: str, start: datetime) -> list[Statement]:
        chance = self._random
        begun = start + timedelta(seconds=chance.uniform(0, 60))
        kind = chance.choice(KINDS)
        create = self._said(trace_id, "observation", observation_id, begun, kind=kind, name=kind, start_time=_text(begun))
        create |= {"input": {"q": "Why?" * chance.randint(1, 50)}, "metadata": {"step": chance.randint(0, 9)}}
        if kind == "generation":
            create["model"] = chance.choice(MODELS)
        update = self._said(
            trace_id, "observation", observation_id, begun + timedelta(seconds=3), output="Because.", level=chance.choice(LEVELS)
        )
        update |= {
            "end_time": _text(begun + timedelta(seconds=2)),
            "usage": {"input": chance.randint(1, 900), "output": chance.randint(0, 99)},
        }
        moved = self._said(
            trace_id, "observation", observation_id, begun + timedelta(seconds=5), start_time=_text(begun - timedelta(hours=1))
        )
        return [create, update, moved] if chance.random() < 0.3 else [create, update]

    def _said(self, trace_id: str, entity: str, entity_id: str, at: datetime, **fields: Any) -> Statement:
        self._count += 1
        at += timedelta(seconds=self._random.uniform(0, 30))
        base = {"event_id": f"{self._prefix}-e{self._count}", "entity": entity, "entity_id": entity_id, "trace_id": trace_id}
        return {**base, "event_time": _text(at), **fields}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
