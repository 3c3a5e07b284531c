"""Recipes are read, checked and overridden before anything heavy is imported."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from specialists.foundation.errors import ConfigError
from training import jobs, recipe
from training.__main__ import main


def test_every_job_has_a_recipe_within_what_serving_takes():
    for job in jobs.NAMES:
        made = recipe.adapter(job)
        assert (made.specialist, made.method, made.base.source) == (job, "sft", "")
        assert made.lora.rank <= 16
        assert made.data.length <= recipe.base().model.context
        assert made.learning.steps > 100, "a budget of steps, so that it can be made again"


def test_the_mix_is_mostly_the_jobs():
    shares = recipe.base().shares
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["prose"] <= 0.25


def test_an_unknown_key_is_an_error_that_names_the_known():
    with pytest.raises(ConfigError, match="widht"):
        recipe.base(overrides=("model.widht=1",))


def test_the_commands_on_the_cards_of_adapters_in_service_are_still_understood():
    assert recipe.adapter("planning", overrides=("threads=2",)).learning.threads == 2


def test_a_recipe_for_another_job_is_refused():
    with pytest.raises(ConfigError, match="a recipe for planning, not for sentiment"):
        recipe.adapter("sentiment", recipe.FOLDER / "planning.toml")


def test_dry_run_prints_the_recipe_with_its_overrides():
    done = CliRunner().invoke(main, ["pretrain", "--dry-run", "model.layers=7"])
    assert done.exit_code == 0
    assert '"layers": 7' in done.output


def test_an_unknown_job_is_one_line_and_an_exit_code():
    done = CliRunner().invoke(main, ["sft", "poetry", "--dry-run"])
    assert done.exit_code == 2
    assert "no job named poetry" in done.output


def test_help_needs_no_torch():
    code = (
        "import sys; from click.testing import CliRunner; from training.__main__ import main; "
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0; "
        "assert not {'torch', 'transformers', 'trl'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
