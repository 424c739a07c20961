"""Which attributes hold a field, the first present wins.

Sources: Langfuse's OTel mapping (server 4.16), the OpenTelemetry GenAI conventions up to 1.41 and their later renames,
OpenInference, OpenLLMetry 0.62, the Vercel AI SDK (legacy `ai.*` and 7), Pydantic AI and Logfire, LangSmith's OTel mode.
"""

SESSION = (
    "langfuse.session.id",
    "session.id",
    "gen_ai.conversation.id",
    "langfuse.observation.metadata.langfuse_session_id",
    "langfuse.trace.metadata.langfuse_session_id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.Helicone-Session-Id",
    "ai.telemetry.metadata.sessionId",
    "langsmith.metadata.session_id",
    "langsmith.metadata.thread_id",
    "langsmith.metadata.conversation_id",
    "Helicone-Session-Id",
)
USER = (
    "langfuse.user.id",
    "user.id",
    "enduser.id",
    "langfuse.observation.metadata.langfuse_user_id",
    "langfuse.trace.metadata.langfuse_user_id",
    "traceloop.association.properties.user_id",
    "traceloop.association.properties.Helicone-User-Id",
    "ai.telemetry.metadata.userId",
    "gen_ai.user",
    "llm.user",
    "langsmith.metadata.user_id",
    "Helicone-User-Id",
)
SESSION_HEADERS = ("helicone-session-id", "x-openwebui-chat-id")
USER_HEADERS = ("helicone-user-id", "x-openwebui-user-id")

TAGS = (
    "langfuse.trace.tags",
    "langfuse.tags",
    "langfuse.observation.metadata.langfuse_tags",
    "langfuse.trace.metadata.langfuse_tags",
    "ai.telemetry.metadata.tags",
    "tag.tags",
    "langsmith.span.tags",
)
TRACE_NAME = ("langfuse.trace.name", "traceloop.association.properties.Helicone-Session-Name")
RUN_NAME = "langsmith.trace.name"
"""What LangSmith calls the run that a span is; only a root's is its trace's as well."""

TRACE_INPUT = ("langfuse.trace.input",)
TRACE_OUTPUT = ("langfuse.trace.output",)
PUBLIC = ("langfuse.trace.public", "langfuse.public")
ROOT_MARKS = ("langfuse.internal.as_root", "langfuse.internal.is_app_root")

ENVIRONMENT = ("langfuse.environment", "deployment.environment.name", "deployment.environment")
RELEASE = ("langfuse.release",)
VERSION = ("langfuse.version",)
RESOURCE_VERSION = ("service.version",)

MODEL = (
    "langfuse.observation.model.name",
    "gen_ai.response.model",
    "llm.response.model_name",
    "llm.response.model",
    "ai.response.model",
    "gen_ai.request.model",
    "llm.model_name",
    "ai.model.id",
    "embedding.model_name",
    "reranker.model_name",
    "model_name",
    "model",
)
REQUESTED_MODEL = ("gen_ai.request.model", "llm.request.model_name", "llm.request.model", "ai.model.id")
PROVIDER = ("gen_ai.provider.name", "llm.provider", "gen_ai.system", "llm.system", "ai.model.provider")
SERVER_ADDRESS = "server.address"
SERVICE_TIER = (
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
    "openai.request.service_tier",
    "gen_ai.openai.request.service_tier",
    "gen_ai.request.service_tier",
)

PROMPT_NAME = ("langfuse.observation.prompt.name", "langfuse.prompt.name", "gen_ai.prompt.name", "traceloop.prompt.key")
PROMPT_VERSION = ("langfuse.observation.prompt.version", "langfuse.prompt.version", "gen_ai.prompt.version", "traceloop.prompt.version")
VERCEL_PROMPT = "ai.telemetry.metadata.langfusePrompt"

LEVEL = "langfuse.observation.level"
STATUS_MESSAGE = "langfuse.observation.status_message"
ERROR_TYPE = "error.type"
FINISH_REASONS = ("gen_ai.response.finish_reasons", "ai.response.finishReason", "llm.finish_reason", "gen_ai.completion.0.finish_reason")
LEVEL_ALIASES = {
    "TRACE": "DEBUG",
    "DEBUG": "DEBUG",
    "INFO": "DEFAULT",
    "DEFAULT": "DEFAULT",
    "NOTICE": "DEFAULT",
    "WARN": "WARNING",
    "WARNING": "WARNING",
    "ERROR": "ERROR",
    "FATAL": "ERROR",
    "CRITICAL": "ERROR",
}
STOPPED_EARLY = frozenset({"length", "max_tokens", "content_filter", "content-filter"})

FIRST_TOKEN_TIME = "langfuse.observation.completion_start_time"  # noqa: S105  an attribute, no secret
FIRST_TOKEN_AFTER_US = {
    "gen_ai.response.time_to_first_chunk": 1_000_000,
    "gen_ai.client.operation.time_to_first_chunk": 1_000_000,
    "ai.response.msToFirstChunk": 1_000,
}
FIRST_TOKEN_EVENTS = frozenset({"llm.content.completion.chunk", "First Token Stream Event", "ai.stream.firstChunk"})

TOOL_NAME = "gen_ai.tool.name"
OBSERVATION_NAMES = ("genkit:name", "logfire.msg", "ai.toolCall.name", "tool.name", RUN_NAME)

METADATA = ("langfuse.observation.metadata", "metadata")
TRACE_METADATA = ("langfuse.trace.metadata", "langfuse.metadata")

USAGE_DETAILS = "langfuse.observation.usage_details"
USAGE_METADATA = "langsmith.metadata.usage_metadata"
"""LangSmith's own account: more than its gen_ai.usage attributes, and with costs. It stays in the metadata as well."""
COST_DETAILS = "langfuse.observation.cost_details"
TOTAL_COST = ("operation.cost", "llm.cost.total", "gen_ai.usage.cost")
PART_COSTS = {"input": "llm.cost.prompt", "output": "llm.cost.completion"}

INPUT_TOKENS = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "gen_ai.aggregated_usage.input_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
    "ai.usage.tokens",
)
OUTPUT_TOKENS = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "gen_ai.aggregated_usage.output_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
)
TOTAL_TOKENS = ("gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens", "ai.usage.totalTokens")
CACHE_READ_TOKENS = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.aggregated_usage.cache_read.input_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "ai.usage.inputTokenDetails.cacheReadTokens",
    "ai.usage.cachedInputTokens",
)
CACHE_WRITE_TOKENS = (
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.aggregated_usage.cache_write.input_tokens",
    "gen_ai.aggregated_usage.cache_creation.input_tokens",
    "gen_ai.usage.details.cache_write_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
)
REASONING_TOKENS = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "ai.usage.outputTokenDetails.reasoningTokens",
    "ai.usage.reasoningTokens",
)
AUDIO_INPUT_TOKENS = ("llm.token_count.prompt_details.audio", "gen_ai.usage.details.input_audio_tokens")
AUDIO_OUTPUT_TOKENS = ("llm.token_count.completion_details.audio", "gen_ai.usage.details.output_audio_tokens")

PARAMETERS = (
    "langfuse.observation.model.parameters",
    "llm.invocation_parameters",
    "gen_ai.request.parameters",
    "model_request_parameters",
    "model_config",
)
LANGSMITH_PARAMETERS = {
    "langsmith.metadata.ls_temperature": "temperature",
    "langsmith.metadata.ls_max_tokens": "max_tokens",
    "langsmith.metadata.ls_stop": "stop",
}
VERCEL_SETTINGS = ("ai.settings.", "gen_ai.request.")

OBSERVATION_METADATA_PREFIXES = (
    "langfuse.observation.metadata.",
    "ai.telemetry.metadata.",
    "langsmith.metadata.",
    "metadata.",
    "traceloop.association.properties.Helicone-Property-",
)
TRACE_METADATA_PREFIXES = ("langfuse.trace.metadata.", "langfuse.metadata.")
"""Metadata by key, one attribute each."""

KIND_MARKS = (
    "langfuse.observation.type",
    "openinference.span.kind",
    "gen_ai.operation.name",
    "ai.operationId",
    "traceloop.span.kind",
    "langsmith.span.kind",
    "llm.request.type",
    "genkit:type",
    "genkit:metadata:subtype",
    "mlflow.spanType",
)
