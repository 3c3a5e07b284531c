"""compose.yaml: of the Compose Specification's schema, and of one mind with the rest."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from router import config as routers
from specialists.engines.vllm_flags import VllmSettings, command
from specialists.weights import WEIGHTS

Edited = Callable[[Any, Callable[[Any], object]], Any]


@pytest.fixture(scope="module")
def schema() -> Any:
    """The Compose Specification's, which check-jsonschema brings."""
    vendored = resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    return json.loads(vendored.read_text("utf-8"))


def test_compose_fits_the_specification(schema: Any, compose: dict[str, Any]) -> None:
    jsonschema.validate(compose, schema)


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c["services"]["finroute"].update(helthcheck={}),
        lambda c: c["services"]["finroute"].update(restart=True),
        lambda c: c["services"]["vllm-gpu"]["healthcheck"].update(test=1),
        lambda c: c["configs"].update(router=["a", "list"]),
    ],
)
def test_broken_compose_is_found(
    schema: Any, compose: dict[str, Any], edited: Edited, edit: Callable[[Any], object]
) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(edited(compose, edit), schema)


def test_every_service_is_held_back(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "restart" in service, name
        assert name == "weights" or "healthcheck" in service, name
    ports = [port for each in compose["services"].values() for port in each.get("ports", [])]
    assert ports == ["127.0.0.1:8080:8080"]
    assert compose["networks"]["models"]["internal"] is True


def test_every_model_server_reads_the_weights_only(compose: dict[str, Any]) -> None:
    for name in ("vllm-gpu", "vllm-cpu"):
        service = compose["services"][name]
        assert service["volumes"] == ["weights:/weights:ro"]
        assert service["networks"]["models"]["aliases"] == ["vllm"]


@pytest.mark.parametrize(
    ("name", "device", "dtype", "loras"),
    [("gpu", "cuda", "bfloat16", 5), ("cpu", "cpu", "float32", 11)],
)
def test_flags_are_those_of_finroute_up(
    compose: dict[str, Any], name: str, device: Any, dtype: Any, loras: int
) -> None:
    settings = VllmSettings(
        device=device,
        dtype=dtype,
        host="0.0.0.0",
        port=8000,
        context=1024,
        sequences=16,
        max_loras=loras,
        api_key_env="VLLM_API_KEY",
    )
    given = shlex.split(compose["services"][f"vllm-{name}"]["command"])
    wanted = command(settings, "/weights/0.1.0/base", name="finroute-base")
    assert given == wanted[wanted.index("serve") + 1 :]


def test_room_for_old_and_new_adapters(compose: dict[str, Any]) -> None:
    adapters = json.loads((WEIGHTS / "weights.json").read_text("utf-8"))["adapters"]
    for name, spare in (("vllm-gpu", 0), ("vllm-cpu", len(adapters) + 1)):
        words = shlex.split(compose["services"][name]["command"])
        loras = int(words[words.index("--max-loras") + 1])
        assert loras == len(adapters) + spare
        assert int(words[words.index("--max-cpu-loras") + 1]) == 2 * loras


@pytest.mark.parametrize("name", ["vllm-gpu", "vllm-cpu"])
def test_router_finds_the_server(deploy: Path, compose: dict[str, Any], name: str) -> None:
    servers = routers.load(deploy / f"config/router.{name}.toml").specialists.servers
    assert servers.urls == ("http://vllm:8000/v1",)
    assert servers.key_env in compose["services"]["finroute"]["environment"]
    words = shlex.split(compose["services"][name]["command"])
    assert words[0] == f"{servers.folder}/base"
    assert f"test -e {servers.folder} " in compose["services"]["weights"]["command"][0]
    assert int(words[words.index("--max-num-seqs") + 1]) == servers.pool.concurrency
    assert words[words.index("--dtype") + 1] == servers.format


def test_every_choice_of_models_has_its_file(deploy: Path, compose: dict[str, Any]) -> None:
    pattern = compose["configs"]["router"]["file"]
    for chosen in ("embedded", "vllm-gpu", "vllm-cpu"):
        assert (deploy / pattern.replace("${FINROUTE_MODELS:-embedded}", chosen)).is_file()
