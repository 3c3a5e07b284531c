"""The Ray Serve LLM application, read by Ray's own models of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from router import config as routers

Edited = Callable[[Any, Callable[[Any], object]], Any]


@pytest.fixture(scope="module")
def application(deploy: Path) -> Any:
    return yaml.safe_load((deploy / "ray/specialists.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def check() -> Callable[[Any], Any]:
    """Reads an application; returns its one LLM. Raises pydantic's ValidationError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray, as it is imported
        from ray.llm._internal.serve.core.configs.llm_config import LLMConfig
        from ray.serve.schema import ServeDeploySchema

    def read(whole: Any) -> Any:
        deployed = ServeDeploySchema.model_validate(whole)
        [served] = deployed.applications
        [told] = served.args["llm_configs"]
        return LLMConfig.model_validate(told)

    return read


def test_application_is_rays(application: Any, check: Callable[[Any], Any]) -> None:
    llm = check(application)
    assert application["applications"][0]["import_path"] == "ray.serve.llm:build_openai_app"
    assert llm.model_id == "finroute-base"
    assert llm.engine_kwargs["enable_lora"] is True


@pytest.mark.parametrize(
    "edit",
    [
        lambda a: a.update(proxy_location="Everywhere"),
        lambda a: a["applications"][0].update(import_path="a:b:c"),
        lambda a: _llm(a)["lora_config"].update(dynamic_lora_loading_path="/weights"),
        lambda a: _llm(a).update(accelerator_type="L40000"),
        lambda a: _llm(a).update(engine_arguments={}),
        lambda a: _llm(a)["model_loading_config"].pop("model_id"),
    ],
)
def test_broken_application_is_found(
    application: Any,
    check: Callable[[Any], Any],
    edited: Edited,
    edit: Callable[[Any], object],
) -> None:
    with pytest.raises(ValidationError):
        check(edited(application, edit))


def test_router_takes_it_for_balanced(deploy: Path, application: Any) -> None:
    servers = routers.load(deploy / "config/router.ray.toml").specialists.servers
    assert servers.balanced
    assert servers.urls[0].endswith(f":{application['http_options']['port']}/v1")
    assert _llm(application)["engine_kwargs"]["dtype"] == servers.format


def _llm(application: Any) -> Any:
    return application["applications"][0]["args"]["llm_configs"][0]
