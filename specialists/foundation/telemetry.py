"""Names of spans, attributes and metrics, in one place. No exporter is set up here.

Where OpenTelemetry's semantic conventions for generative AI have a name, it is theirs.
"""

from __future__ import annotations

from typing import Final

# --- spans: OpenTelemetry writes "{operation} {model or tool}" ------------------------------------
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"
INVOKE_AGENT: Final = "invoke_agent"
ASK: Final = "finroute.ask"
PLAN: Final = "finroute.plan"
SUBTASK: Final = "finroute.subtask"
VERIFY: Final = "finroute.verify"
COMPOSE: Final = "finroute.compose"

# --- attributes (OpenTelemetry GenAI) -------------------------------------------------------------
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_SEED: Final = "gen_ai.request.seed"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
AGENT_NAME: Final = "gen_ai.agent.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
ERROR_TYPE: Final = "error.type"

# --- attributes of our own ------------------------------------------------------------------------
WORKSPACE: Final = "finroute.workspace"
SPECIALIST: Final = "finroute.specialist"
ADAPTER: Final = "finroute.adapter.digest"
DECISION: Final = "finroute.decision.id"
SUBTASK_ID: Final = "finroute.subtask.id"
STATUS: Final = "finroute.status"
CONFIDENCE: Final = "finroute.confidence"
COST_USD: Final = "finroute.cost.usd"

# --- metrics (OpenTelemetry GenAI): seconds, tokens -----------------------------------------------
OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
TOKEN_USAGE: Final = "gen_ai.client.token.usage"
TIME_TO_FIRST_TOKEN: Final = "gen_ai.server.time_to_first_token"
TIME_PER_OUTPUT_TOKEN: Final = "gen_ai.server.time_per_output_token"

# --- metrics of our own ---------------------------------------------------------------------------
ANSWERS: Final = "finroute.answers"
"""Counter, by status."""
ANSWER_DURATION: Final = "finroute.answer.duration"
"""Histogram, seconds."""
FINDINGS: Final = "finroute.findings"
"""Counter, by specialist and status."""
ANSWER_COST: Final = "finroute.answer.cost"
"""Histogram, dollars."""
REPLICA_UP: Final = "finroute.replica.up"
"""Gauge, by model server: 1 where it is healthy and attested."""
REPLICA_JOINS: Final = "finroute.replica.joins"
"""Counter, by model server: more than once, it was away in between."""
ADAPTER_RESIDENT: Final = "finroute.adapter.resident"
"""Gauge, by model server, adapter and state: 1 for the state it is in."""
ADAPTER_LOAD: Final = "finroute.adapter.cold.load.seconds"
"""Gauge, by model server and adapter."""
ADAPTER_ATTEST: Final = "finroute.adapter.attestation.seconds"
"""Gauge, by model server and adapter."""
POOL_WAITING: Final = "finroute.pool.waiting"
"""Gauge."""
POOL_CALLS: Final = "finroute.pool.calls"
"""Counter, by what became of them."""
POOL_IN_FLIGHT: Final = "finroute.pool.in.flight"
"""Gauge, by model server."""
POOL_BREAKER: Final = "finroute.pool.breaker.open"
"""Gauge, by model server: 1 where calls are kept away."""
POOL_FAILED: Final = "finroute.pool.failed"
"""Counter, by model server."""
