"""Configuration: frozen, overridable, and exact about what is wrong."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from specialists.foundation.config import Config
from specialists.foundation.errors import ConfigError


class Limits(Config):
    turns: int = 8
    names: tuple[str, ...] = ()


class Settings(Config):
    title: str = "x"
    limits: Limits = Limits()


def test_overrides_lie_over_the_file(tmp_path: Path):
    file = tmp_path / "settings.toml"
    file.write_text('title = "file"\n[limits]\nturns = 3\n')
    settings = Settings.load(file, ["limits.turns=5", "title=plain words", 'limits.names=["a"]'])
    assert settings == Settings(title="plain words", limits=Limits(turns=5, names=("a",)))


def test_settings_are_frozen():
    with pytest.raises(ValidationError):
        Settings().title = "y"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit = 3", "unknown key; the keys here are title, limits"),
        ("[limits]\nturn = 3", r"limits\.turn: unknown key; the keys here are turns, names"),
        ('[limits]\nturns = "many"', r"limits\.turns: .*valid integer"),
        ("title = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str, message: str):
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        Settings.load(file)


def test_a_missing_file_and_a_malformed_override(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot read"):
        Settings.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"key\.sub=value"):
        Settings.load(None, ["limits.turns"])
    with pytest.raises(ConfigError, match="title is a value, not a section"):
        Settings.load(None, ["title=a", "title.sub=b"])
