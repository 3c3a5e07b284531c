"""Where settings come from, and what they refuse."""

from pathlib import Path

import pytest

from router import config
from router.config import Settings
from specialists.foundation.errors import ConfigError


def test_without_a_file_the_embedded_profile_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FINROUTE_HOME", str(tmp_path))
    assert config.load() == config.load("embedded")
    assert config.load().planner.engine == "embedded"


def test_a_file_of_the_home_folder_is_taken_and_one_of_the_current_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    (home / "router.toml").write_text('workspace = "mine"')
    (here / "router.toml").write_text('workspace = "stranger"')
    monkeypatch.setenv("FINROUTE_HOME", str(home))
    monkeypatch.chdir(here)
    assert config.load().workspace == "mine"
    assert config.load("router.toml").workspace == "stranger"  # when it is named


def test_overrides_reach_every_section():
    settings = config.load(
        "embedded",
        ["budget.seconds=5", "planner.approve=true", "cascade.accept=0.9", "prices.x.hour_usd=2"],
    )
    assert settings.budget.seconds == 5
    assert settings.planner.approve
    assert settings.cascade.accept == 0.9
    assert settings.prices["x"].hour_usd == 2


def test_the_flag_for_adapters_that_are_not_adopted_is_the_profile_s(tmp_path: Path):
    assert not Settings().specialists.serving.provisional
    assert config.load("embedded").specialists.serving.provisional
    assert not Settings().specialists.serving.unrecorded
    told = config.load(
        "embedded",
        [f'specialists.trust.keys=["{tmp_path}/ann.pub"]', "specialists.trust.approvals=1"],
    ).specialists.serving.trust
    assert (told.keys, told.approvals) == ((f"{tmp_path}/ann.pub",), 1)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("budget.second=5", "unknown key; the keys here are calls, tokens, cost_usd, seconds"),
        ("budget.calls=-1", "greater than or equal to 0"),
        ("planner.engine=langchain", "needs a model"),
        ("planner.engine=oracle", "'embedded' or 'langchain'"),
        ("cascade.accept=2", "less than or equal to 1"),
        ('specialists.trust.keys=["ann.pub"]', "give the whole path"),
        ("specialists.trust.approvals=1", "needs the keys of as many persons"),
    ],
)
def test_a_wrong_setting_says_what_would_be_right(override: str, message: str):
    with pytest.raises(ConfigError, match=message):
        config.load("embedded", [override])


def test_an_unknown_profile_names_those_there_are():
    with pytest.raises(ConfigError, match=r"no file big.* \(profiles: .*embedded"):
        config.load("big")


def test_every_profile_is_valid():
    assert "embedded" in config.profiles()
    for name in config.profiles():
        assert isinstance(config.load(name), Settings)
