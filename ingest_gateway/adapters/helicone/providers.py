"""Which provider answered: by the name a client gives it, or by its host."""

ROUTE_PROVIDERS = {"oai": "openai", "googleapis": "google"}
NO_PROVIDERS = frozenset({"custom", "unknown", "async", "log", "trace", ""})
HOSTS = {
    "openai.com": "openai",
    "openai.azure.com": "azure",
    "anthropic.com": "anthropic",
    "googleapis.com": "google",
    "groq.com": "groq",
    "mistral.ai": "mistral",
    "openrouter.ai": "openrouter",
    "together.xyz": "together",
    "together.ai": "together",
    "fireworks.ai": "fireworks",
    "deepseek.com": "deepseek",
    "x.ai": "x-ai",
    "perplexity.ai": "perplexity",
    "cohere.com": "cohere",
    "cohere.ai": "cohere",
    "cerebras.ai": "cerebras",
    "amazonaws.com": "aws",
}


def provider_named(name: str | None) -> str | None:
    """Return a provider that was named, None for words that name none."""
    lower = (name or "").strip().lower()
    return None if lower in NO_PROVIDERS else ROUTE_PROVIDERS.get(lower, lower)


def provider_of_host(host: str) -> str | None:
    """Return the provider behind a host's name."""
    host = host.lower()
    return next((provider for suffix, provider in HOSTS.items() if host == suffix or host.endswith(f".{suffix}")), None)
