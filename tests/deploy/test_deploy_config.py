"""The settings that deployments bring, as the router and the service load them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from router import config as routers
from service import config as services
from specialists.foundation.errors import ConfigError
from specialists.registry import Shelf

VARIANTS = ("embedded", "vllm-gpu", "vllm-cpu", "kubernetes", "ray")
NOBODY = "0" * 64
"""The hash of no key that anybody knows."""


def test_service_is_guarded_and_lets_nobody_in(deploy: Path) -> None:
    settings = services.load(deploy / "config/service.toml")
    settings.check_address()
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)
    assert [key.sha256 for key in settings.keys] == [NOBODY]


def test_embedded_is_the_profile(deploy: Path) -> None:
    assert routers.load(deploy / "config/router.embedded.toml") == routers.load("embedded")


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_differ_in_their_servers_alone(deploy: Path, variant: str) -> None:
    plain = routers.load("embedded")
    settings = routers.load(deploy / f"config/router.{variant}.toml")
    same = settings.specialists.model_copy(
        update={"engine": "embedded", "servers": plain.specialists.servers}
    )
    assert settings.model_copy(update={"specialists": same}) == plain


def test_every_file_is_a_variant(deploy: Path) -> None:
    found = {path.name for path in (deploy / "config").glob("router.*.toml")}
    assert found == {f"router.{variant}.toml" for variant in VARIANTS}


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_key_stands_in_a_file(deploy: Path, variant: str) -> None:
    settings = routers.load(deploy / f"config/router.{variant}.toml")
    for named in (settings.specialists.servers.key_env, settings.specialists.servers.salt_env):
        assert named is None or named.isupper()


@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_base_has_the_name_that_servers_are_given(deploy: Path, variant: str) -> None:
    specialists = routers.load(deploy / f"config/router.{variant}.toml").specialists
    assert specialists.servers.model == ""  # so the manifest's
    assert Shelf(specialists.folder, serving=specialists.serving).manifest.base.name == (
        "finroute-base"
    )


@pytest.mark.parametrize(
    ("file", "load"),
    [("router.vllm-gpu.toml", routers.load), ("service.toml", services.load)],
)
def test_broken_settings_are_found(
    deploy: Path, tmp_path: Path, file: str, load: Callable[[Path], object]
) -> None:
    broken = tmp_path / file
    broken.write_text('hosst = "0.0.0.0"\n' + (deploy / "config" / file).read_text("utf-8"))
    with pytest.raises(ConfigError, match="hosst"):
        load(broken)
