"""What applications send: traces of agents, with realistic shapes and sizes. Pure: the same seed gives the same traces.

Lengths of texts are lognormal (most are short, a few are very long), a trace has 5 to 40 observations, a third of the generations are
streamed (created when they begin, updated when they end), and two observations in a hundred fail.
"""

import math
from dataclasses import dataclass
from random import Random

FEWEST_OBSERVATIONS, MOST_OBSERVATIONS = 5, 40
ERROR_SHARE = 0.02
STREAMED_SHARE = 1 / 3
PROMPT_CHARACTERS, PROMPT_SIGMA = 600.0, 1.0
COMPLETION_CHARACTERS, COMPLETION_SIGMA = 300.0, 0.8
FEWEST_CHARACTERS, MOST_CHARACTERS = 16, 64_000
CHARACTERS_PER_TOKEN = 4
LONGEST_SECONDS = 8.0

GENERATION, TOOL, RETRIEVER, CHAIN, AGENT = "generation", "tool", "retriever", "chain", "agent"
KINDS = (GENERATION, TOOL, RETRIEVER, CHAIN)
KIND_WEIGHTS = (50, 25, 10, 15)
NAMES = {
    AGENT: ("support-agent", "research-agent", "coding-agent"),
    CHAIN: ("plan", "summarise", "route", "answer"),
    GENERATION: ("chat.completions", "draft", "rewrite", "classify"),
    RETRIEVER: ("vector-search", "keyword-search"),
    TOOL: ("web-search", "run-sql", "read-file", "send-mail"),
}
MODELS = (("gpt-4o", "openai"), ("gpt-4o-mini", "openai"), ("claude-sonnet-4-5", "anthropic"), ("gemini-2.5-flash", "google"))
MODEL_WEIGHTS = (35, 35, 20, 10)
FAILURES = ("rate limited by the provider", "the tool timed out", "the answer was not valid JSON")
PROSE = (
    "the customer asked whether an order that was placed last week can still be changed before it leaves the warehouse and what "
    "happens to the discount if two items are returned later; please check the policy, list every exception, cite the paragraph, "
    "then write a short and friendly answer in plain language with the next steps as numbered points and no promises we cannot keep"
)
WORDS = tuple(PROSE.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One node of a trace; `parent` is the index of another, times are seconds from the trace's start."""

    kind: str
    name: str
    parent: int | None
    begins_seconds: float
    ends_seconds: float
    input: str
    output: str
    model: str | None = None
    provider: str | None = None
    usage: dict[str, int] | None = None
    is_streamed: bool = False
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One call of an application; the first observation is its root where there is more than one."""

    name: str
    tags: tuple[str, ...]
    observations: tuple[Observation, ...]

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return max(observation.ends_seconds for observation in self.observations)


def trace(random: Random) -> Trace:
    """Return an agent's trace."""
    count = random.randint(FEWEST_OBSERVATIONS, MOST_OBSERVATIONS)
    root = _observation(random, AGENT, None, 0.0, LONGEST_SECONDS)
    members = [root]
    for index in range(1, count):
        kind = random.choices(KINDS, KIND_WEIGHTS)[0]
        parent = random.randrange(index) if random.random() < 0.4 else 0
        begins = members[parent].begins_seconds + random.random() * 0.5
        members.append(_observation(random, kind, parent, begins, LONGEST_SECONDS))
    tags = tuple(random.sample(("checkout", "search", "beta", "batch"), random.randint(0, 2)))
    return Trace(name=root.name, tags=tags, observations=tuple(members))


def single(random: Random) -> Trace:
    """Return a trace that is one model call, told at once."""
    call = _observation(random, GENERATION, None, 0.0, LONGEST_SECONDS, may_stream=False)
    return Trace(name=call.name, tags=(), observations=(call,))


def _observation(random: Random, kind: str, parent: int | None, begins: float, latest: float, *, may_stream: bool = True) -> Observation:
    begins = min(begins, latest - 0.1)
    ends = min(begins + random.lognormvariate(-0.5, 0.8), latest)
    prompt, completion = characters(random, PROMPT_CHARACTERS, PROMPT_SIGMA), characters(random, COMPLETION_CHARACTERS, COMPLETION_SIGMA)
    is_generation = kind == GENERATION
    model, provider = random.choices(MODELS, MODEL_WEIGHTS)[0] if is_generation else (None, None)
    failure = random.choice(FAILURES) if random.random() < ERROR_SHARE else None
    return Observation(
        kind=kind,
        name=random.choice(NAMES[kind]),
        parent=parent,
        begins_seconds=round(begins, 3),
        ends_seconds=round(ends, 3),
        input=text(random, prompt),
        output="" if failure else text(random, completion),
        model=model,
        provider=provider,
        usage=_usage(random, prompt, 0 if failure else completion) if is_generation else None,
        is_streamed=is_generation and may_stream and random.random() < STREAMED_SHARE,
        failure=failure,
    )


def characters(random: Random, median: float, sigma: float) -> int:
    """Return a length: lognormal around `median`, within bounds."""
    drawn = random.lognormvariate(math.log(median), sigma)
    return int(min(max(drawn, FEWEST_CHARACTERS), MOST_CHARACTERS))


def text(random: Random, length: int) -> str:
    """Return prose of a length; it compresses about as prose does."""
    words: list[str] = []
    left = length
    while left >= 0:
        words.append(random.choice(WORDS))
        left -= len(words[-1]) + 1
    return " ".join(words)[:length]


def _usage(random: Random, prompt: int, completion: int) -> dict[str, int]:
    """Return disjoint counts: part of the prompt is read from a cache at times."""
    tokens = max(1, prompt // CHARACTERS_PER_TOKEN)
    cached = tokens // 2 if random.random() < 0.3 else 0
    usage = {"input": tokens - cached, "output": completion // CHARACTERS_PER_TOKEN, "cache_read_input": cached}
    return {unit: count for unit, count in usage.items() if count}
