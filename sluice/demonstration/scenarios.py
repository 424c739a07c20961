"""A mixture of traces as applications make them: chat, retrieval, agents, failures. Pure: chance and time come in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

Statement = dict[str, Any]

CHAT_MODELS = (
    ("gpt-4o", "openai"),
    ("gpt-4o-mini", "openai"),
    ("claude-sonnet-4-5", "anthropic"),
    ("claude-haiku-4-5", "anthropic"),
    ("gemini-2.5-flash", "google"),
)
EMBEDDING_MODEL = ("text-embedding-3-small", "openai")
QUESTIONS = (
    "How do I rotate an API key without downtime?",
    "Summarise the incident of last Tuesday in three sentences.",
    "Which of our plans includes single sign-on?",
    "Translate this release note into Portuguese.",
    "Why was my invoice higher this month?",
    "Write a regular expression for ISO dates.",
)
ANSWERS = (
    "Create the new key first, move your clients over, then revoke the old one: both work meanwhile.",
    "A certificate expired at 09:12. Traffic moved to the second region by 09:20. Renewal is automatic since.",
    "Single sign-on comes with the Team plan and above.",
    "Claro. Aqui está a tradução da nota de versão.",
    "You added two seats on the 4th, and they are billed for the whole month.",
)
TOOLS = (
    ("search_orders", {"customer": "c-1841", "since": "2026-11-01"}, {"orders": 3, "open": 1}),
    ("get_weather", {"city": "Lisbon"}, {"celsius": 17, "sky": "clear"}),
    ("run_sql", {"statement": "SELECT count(*) FROM subscriptions"}, {"rows": [[4211]]}),
)
FAILURES = (
    "RateLimitError: 429 Too Many Requests, retry after 20s",
    "APITimeoutError: no answer within 30 s",
    "BadRequestError: maximum context length is 128000 tokens",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Who speaks, in which session, and the run's tag, by which it is found again."""

    session_id: str
    user_id: str
    tag: str


@dataclass(slots=True, kw_only=True)
class TraceScript:
    """A trace being written: its statements, and the moment it has reached."""

    trace_id: str
    name: str
    began: datetime
    at: datetime
    random: Random
    statements: list[Statement] = field(default_factory=list)
    observation_count: int = 0

    def observe(self, kind: str, name: str, duration_ms: float, **said: Any) -> str:
        """Add an observation that starts now and takes `duration_ms`; time moves on to its end. Returns its id."""
        observation_id = new_id(self.random)
        ended = self.at + timedelta(milliseconds=duration_ms)
        times = {"start_time": text_of(said.pop("began", self.at)), "end_time": text_of(ended)}
        identity = {"entity": "observation", "entity_id": observation_id, "trace_id": self.trace_id, "event_id": new_id(self.random)}
        self.statements.append({**identity, "kind": kind, "name": name, **times, **said})
        self.observation_count += 1
        self.at = ended
        return observation_id

    def generate(self, question: Any, answer: Any, model: tuple[str, str], parent_id: str | None = None, **said: Any) -> str:
        """Add a streamed model call with usage, some of its input read from the cache."""
        first_token_ms, duration_ms = self.random.uniform(150, 600), self.random.uniform(900, 4_000)
        cached = self.random.choice((0, 0, 1024, 2048))
        usage = {"input": self.random.randint(80, 1_800), "output": self.random.randint(20, 600), "cache_read_input": cached}
        call = {
            "parent_id": parent_id,
            "model": model[0],
            "provider": model[1],
            "model_parameters": {"temperature": 0.2, "stream": True},
            "usage": {unit: count for unit, count in usage.items() if count},
            "completion_start_time": text_of(self.at + timedelta(milliseconds=first_token_ms)),
            "input": [{"role": "user", "content": question}],
            "output": {"role": "assistant", "content": answer},
        }
        return self.observe("generation", "chat.completions", duration_ms, **{**call, **said})

    def score(self, name: str, value: float) -> None:
        """Add a score of the trace."""
        identity = {"entity": "score", "entity_id": new_id(self.random), "trace_id": self.trace_id, "event_id": new_id(self.random)}
        self.statements.append({**identity, "name": name, "value": value, "data_type": "NUMERIC", "start_time": text_of(self.at)})


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTrace:
    """A finished trace."""

    trace_id: str
    name: str
    session_id: str
    user_id: str
    observation_count: int
    statements: list[Statement]


Scenario = Callable[[TraceScript], tuple[Any, Any]]
"""Writes a trace's observations and returns the trace's own input and output."""


def new_id(random: Random) -> str:
    """Return a random id, hex."""
    return f"{random.getrandbits(128):032x}"


def text_of(moment: datetime) -> str:
    """Return a time in RFC 3339."""
    return moment.isoformat()


def chat(script: TraceScript) -> tuple[Any, Any]:
    """One model call."""
    question, answer = script.random.choice(QUESTIONS), script.random.choice(ANSWERS)
    script.generate(question, answer, script.random.choice(CHAT_MODELS), prompt_name="support-chat", prompt_version="7")
    script.score("helpfulness", round(script.random.uniform(0.4, 1.0), 2))
    return question, answer


def retrieval(script: TraceScript) -> tuple[Any, Any]:
    """Embed the question, find passages, answer from them."""
    question, answer = script.random.choice(QUESTIONS), script.random.choice(ANSWERS)
    began = script.at
    chain_id = new_id(script.random)
    embedding = {"model": EMBEDDING_MODEL[0], "provider": EMBEDDING_MODEL[1], "usage": {"input": script.random.randint(8, 40)}}
    script.observe("embedding", "embed question", script.random.uniform(40, 120), parent_id=chain_id, input=question, **embedding)
    passages = [{"document": f"handbook-{number}.md", "score": round(0.9 - number * 0.07, 2)} for number in range(4)]
    script.observe("retriever", "vector search", script.random.uniform(15, 90), parent_id=chain_id, input=question, output=passages)
    script.generate({"question": question, "passages": passages}, answer, script.random.choice(CHAT_MODELS), chain_id)
    script.observe("chain", "answer from documents", 1, began=began, input=question, output=answer)
    script.statements[-1]["entity_id"] = chain_id
    script.score("groundedness", round(script.random.uniform(0.6, 1.0), 2))
    return question, answer


def agent(script: TraceScript) -> tuple[Any, Any]:
    """An agent that plans, calls tools and answers; its reasoning tokens are counted apart."""
    question, answer = script.random.choice(QUESTIONS), script.random.choice(ANSWERS)
    began, agent_id, model = script.at, new_id(script.random), script.random.choice((("gpt-5", "openai"), CHAT_MODELS[2]))
    for name, arguments, result in script.random.sample(TOOLS, k=script.random.randint(1, 3)):
        usage = {"input": script.random.randint(300, 2_500), "output": 40, "reasoning_output": script.random.randint(64, 900)}
        script.generate(question, {"tool_call": name, "arguments": arguments}, model, agent_id, usage=usage)
        script.observe("tool", name, script.random.uniform(30, 700), parent_id=agent_id, input=arguments, output=result)
    script.generate(question, answer, model, agent_id)
    script.observe("agent", "support agent", 1, began=began, input=question, output=answer)
    script.statements[-1]["entity_id"] = agent_id
    return question, answer


def failure(script: TraceScript) -> tuple[Any, Any]:
    """A call that fails, is tried again, and sometimes fails for good."""
    question, answer = script.random.choice(QUESTIONS), script.random.choice(ANSWERS)
    model = script.random.choice(CHAT_MODELS)
    broken = {"level": "ERROR", "status_message": script.random.choice(FAILURES), "model": model[0], "provider": model[1]}
    script.observe("generation", "chat.completions", script.random.uniform(500, 30_000), input=question, **broken)
    if script.random.random() < 0.5:
        return question, None
    script.generate(question, answer, model)
    return question, answer


SCENARIOS: tuple[tuple[str, Scenario, int], ...] = (("chat", chat, 5), ("rag", retrieval, 3), ("agent", agent, 2), ("flaky", failure, 1))


def write_trace(random: Random, began: datetime, conversation: Conversation) -> WrittenTrace:
    """Return one trace of a scenario chosen by its weight."""
    name, scenario, _ = random.choices(SCENARIOS, weights=[weight for _, _, weight in SCENARIOS])[0]
    script = TraceScript(trace_id=new_id(random), name=f"demo-{name}", began=began, at=began, random=random)
    question, answer = scenario(script)
    about = {
        "entity": "trace",
        "entity_id": script.trace_id,
        "event_id": new_id(random),
        "name": script.name,
        "start_time": text_of(began),
        "session_id": conversation.session_id,
        "user_id": conversation.user_id,
        "tags": ["demo", conversation.tag],
        "input": question,
        "output": answer,
        "environment": "demo",
        "release": "2026.11",
        "metadata": {"region": "eu-west"},
    }
    written = [{name: value for name, value in said.items() if value is not None} for said in (about, *script.statements)]
    return WrittenTrace(
        trace_id=script.trace_id,
        name=script.name,
        session_id=conversation.session_id,
        user_id=conversation.user_id,
        observation_count=script.observation_count,
        statements=written,
    )


def mixture(random: Random, count: int, now: datetime, tag: str) -> list[WrittenTrace]:
    """Return `count` traces of several users and sessions, spread over the quarter of an hour before `now`, oldest first."""
    users = [f"user-{number}" for number in range(1, max(2, count // 10) + 1)]
    conversations = [
        Conversation(session_id=f"{tag}-s{number}", user_id=users[number % len(users)], tag=tag)
        for number in range(1, max(3, count // 4) + 1)
    ]
    moments = sorted(now - timedelta(seconds=random.uniform(30, 900)) for _ in range(count))
    return [write_trace(random, moment, random.choice(conversations)) for moment in moments]
