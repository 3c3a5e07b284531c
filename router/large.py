"""The large model that plans and, asked, steps in: any LangChain chat model, by configuration."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from router.config import PlannerSettings
from specialists.engines.langchain import LangChainEngine
from specialists.foundation.errors import ConfigError


def from_settings(settings: PlannerSettings) -> LangChainEngine:
    """The chat model that the settings name.

    Raises:
        ConfigError: no such provider, or the variable that should hold its key is not set.
    """
    key = None
    if settings.api_key_env is not None:
        key = os.environ.get(settings.api_key_env)
        if not key:
            raise ConfigError(f"planner.api_key_env: {settings.api_key_env} is not set")
    where = "langchain_openai:ChatOpenAI" if settings.provider == "openai" else settings.provider
    module, _, name = where.partition(":")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"planner.provider: {settings.provider!r} is neither 'openai' nor an installed "
            "module:Class of a LangChain chat model"
        ) from error
    options: dict[str, Any] = {"model": settings.model, "timeout": settings.timeout_s}
    if settings.base_url is not None:
        options["base_url"] = settings.base_url
    if key is not None:
        options["api_key"] = key
    elif settings.provider == "openai" and settings.base_url is not None:
        options["api_key"] = "none"  # a server of one's own asks for no key; the client insists
    try:
        chat = kind(**options)
    except Exception as error:  # whatever a provider's own validation raises
        raise ConfigError(f"planner: {settings.model} cannot be set up: {error}") from error
    return LangChainEngine(chat, name=settings.model, structured=settings.structured)
