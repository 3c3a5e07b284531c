"""``finroute train own``: what it tells, what it writes, what it refuses."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from training.__main__ import main
from training.tuning import data
from training.tuning.recipe import load

HEAD = "id,headline,company,annotator,sentiment\n"


def rows(companies: int = 12) -> str:
    labels = ("positive", "negative", "neutral")
    text = ""
    for i in range(companies):
        name, label = f"Firm{chr(65 + i)}", labels[i % 3]
        text += f"{i},{name} tells of its year,{name},ann,{label}\n"
        text += f"{i},{name} tells of its year,{name},ben,{labels[0] if i == 4 else label}\n"
    return text


def called(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["own", *map(str, words)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(HEAD + rows(), encoding="utf-8")
    return path


def test_a_file_makes_a_recipe(file, tmp_path, monkeypatch):
    done = called(file, "--specialist", "sentiment", "--licence", "CC BY 4.0")
    assert done.exit_code == 0, done.output
    assert "mine.csv: 24 rows, 12 questions, 11 examples of 11 companies or groups" in done.output
    assert "agreement of 2 annotators on 12 questions: 92% of pairs" in done.output
    assert "Cohen's kappa 0.88" in done.output
    assert "left out, no answer given by more than half: 1 (line 10: 4)" in done.output
    out = tmp_path / "mine.toml"
    assert f"finroute train run {out}" in done.output
    told = tomllib.loads(out.read_text(encoding="utf-8"))
    assert told["extends"] == "sentiment/sft/embedded"
    assert told["data"]["file"] == "mine.csv"  # beside it: both can move together
    recipe = load(out)
    assert (recipe.specialist, recipe.method, recipe.data.count) == ("sentiment", "sft", 11)
    assert recipe.data.licence == "CC BY 4.0"
    material = data.gather(recipe, None)
    assert len(material.train) + len(material.watched) == 11
    assert not {e.company for e in material.train} & {e.company for e in material.watched}
    assert material.about["agreement"]["kappa"] == pytest.approx(0.8756, abs=1e-3)
    assert material.about["licence"] == "CC BY 4.0"
    monkeypatch.chdir(tmp_path)
    assert load("mine.toml").data.file == "mine.csv"


def test_the_recipe_passes_a_dry_run(file, tmp_path):
    called(file, "--specialist", "sentiment", "--method", "grpo", "--base", "qwen3-0.6b")
    done = CliRunner().invoke(main, ["run", str(tmp_path / "mine.toml"), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert 'method = "grpo"' in done.output


def test_gold_is_proved_in_the_form_of_the_base(file):
    done = called(file, "--specialist", "sentiment", "--base", "qwen3-0.6b")
    assert done.exit_code == 0, done.output


def test_faults_stop_it_and_nothing_is_written(file, tmp_path):
    file.write_text(file.read_text(encoding="utf-8") + "x,FirmX up,FirmX,ann,rather good\n")
    done = called(file, "--specialist", "sentiment")
    assert done.exit_code == 2
    assert "line 26: sentiment: 'rather good' is none of positive, neutral" in done.output
    assert not (tmp_path / "mine.toml").exists()


def test_a_recipe_that_is_there_is_kept(file, tmp_path):
    out = tmp_path / "mine.toml"
    out.write_text("about = 'mine'\n", encoding="utf-8")
    done = called(file, "--specialist", "sentiment")
    assert done.exit_code == 2
    assert "--again writes over it" in done.output
    assert out.read_text(encoding="utf-8") == "about = 'mine'\n"
    assert called(file, "--specialist", "sentiment", "--again").exit_code == 0


def test_one_company_alone_is_told_of(tmp_path):
    path = tmp_path / "one.csv"
    text = "headline,company,sentiment\n" + "".join(f"Acme {i},Acme,positive\n" for i in range(4))
    path.write_text(text, encoding="utf-8")
    done = called(path, "--specialist", "sentiment")
    assert "no company is kept for watching" in done.output
    # one whose hash says: only to watch with
    wanted = next(f"Co{i}" for i in range(100) if _held(f"Co{i}"))
    recipe = tmp_path.joinpath("one.toml").read_text(encoding="utf-8")
    path.write_text(text.replace("Acme", wanted), encoding="utf-8")
    done = called(path, "--specialist", "sentiment", "--again")
    assert done.exit_code == 2
    assert "nothing would be learned from" in done.output
    assert tmp_path.joinpath("one.toml").read_text(encoding="utf-8") == recipe
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.csv", "one.toml"]


def _held(company: str) -> bool:
    from specialists.sentiment.render import SentimentInputs
    from specialists.task import Example

    example = Example("x", SentimentInputs(text=""), None, (), "train", company)
    return data.held(example, 0.15)


def test_columns_are_told():
    done = CliRunner().invoke(main, ["own", "--specialist", "extraction", "--columns"])
    assert done.exit_code == 0
    assert "passage" in done.output
    assert "[value, needed, answer]" in done.output
    assert "annotator" in done.output
    done = CliRunner().invoke(main, ["own", "--specialist", "planning", "--columns"])
    assert "--workspace" in done.output


def test_a_workspace_must_be_named_where_one_is_read(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("question,value\nWhat was the revenue of Acme in 2021?,3\n", encoding="utf-8")
    done = called(path, "--specialist", "table_qa")
    assert done.exit_code == 2
    assert "name it (data.workspace)" in done.output
    done = called(path, "--specialist", "table_qa", "--workspace", "nowhere")
    assert done.exit_code == 3
    assert "there is no workspace nowhere" in done.output
    assert called("--specialist", "table_qa").exit_code == 2
