"""The corpus is what its seed says, and holds nothing of the held-out folds."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from specialists.foundation.errors import ConfigError
from specialists.task import Example
from training import corpus, jobs, prose
from training.corpus import CorpusRecipe, Shard

RECIPE = CorpusRecipe(train=120, dev=40, shard=60, processes=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus")
    for shard in corpus.shards(RECIPE):
        corpus.make(shard, out, None)
    return out


def rows(out: Path, job: str) -> list[dict]:
    return [
        json.loads(line)
        for path in sorted((out / "dialogues" / job).glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


@pytest.mark.parametrize("job", jobs.NAMES)
def test_no_held_out_company_or_template(made, job):
    kept = rows(made, job)
    assert len(kept) == 160
    held = [e for f in ("companies", "templates") for e in jobs.task(job).examples(f, 150, 3)]
    assert not {row["company"] for row in kept if row["company"]} & {
        e.company for e in held if e.company
    }
    templates = {e.template for e in held if e.fold == "templates"}
    assert templates
    assert not {row["template"] for row in kept} & templates


@pytest.mark.parametrize("job", jobs.NAMES)
def test_every_dialogue_ends_with_a_reply(made, job):
    for dialogue in corpus.dialogues(made, job, ("train", "dev")):
        assert dialogue[0].role == "system"
        assert dialogue[-1].role == "assistant"
        assert dialogue[-1].content


def test_the_same_shard_twice_is_the_same(made, tmp_path):
    shard = Shard("sentiment", "train", 0, 60, corpus.shards(RECIPE)[0].seed)
    corpus.make(shard, tmp_path, None)
    again = tmp_path / "again"
    corpus.make(shard, again, None)
    assert shard.path(tmp_path).read_bytes() == shard.path(again).read_bytes()


def test_shards_have_seeds_of_their_own():
    seeds = [s.seed for s in corpus.shards(RECIPE) if s.fold != "public"]
    assert len(seeds) == len(set(seeds))


def test_a_held_out_example_is_refused(monkeypatch, tmp_path):
    task = jobs.task("sentiment")

    def leaking(fold, count, seed) -> list[Example]:
        return list(type(task)().examples("companies", 1, 1))

    monkeypatch.setattr(task, "examples", leaking)
    monkeypatch.setattr(jobs, "task", lambda name: task)
    with pytest.raises(ConfigError, match="held-out"):
        corpus.make(Shard("sentiment", "train", 0, 1, 1), tmp_path, None)
    assert not list(tmp_path.rglob("*.jsonl"))


data = pytest.mark.skipif("FINROUTE_DATA" not in os.environ, reason="FINROUTE_DATA is not set")


@data
def test_prose_holds_no_text_of_the_test_parts():
    root = Path(os.environ["FINROUTE_DATA"])
    passages = set(prose.read(root))
    assert len(passages) > 10_000
    held = [
        title
        for line in (root / "sentfin" / "train.jsonl").read_text().splitlines()
        if int(hashlib.sha256((title := json.loads(line)["title"]).strip().lower().encode())
               .hexdigest(), 16) % 5 in (0, 1)
    ]  # fmt: skip
    assert len(held) > 2_000
    assert not passages & {" ".join(title.lower().split()) for title in held}
    dev = json.loads((root / "finqa" / "dev.jsonl").read_text().splitlines()[0])
    page = " ".join(" ".join([*dev["pre_text"], *dev["post_text"]]).lower().split())
    assert page not in passages


@data
def test_provenance_names_every_source_with_its_licence():
    found = prose.provenance(Path(os.environ["FINROUTE_DATA"]))
    assert {s["file"] for s in found} == prose.FILES
    assert all(len(s["sha256"]) == 64 and s["licence"] for s in found)
    only = prose.provenance(Path(os.environ["FINROUTE_DATA"]), {"xbrl_formula"})
    assert [s["file"] for s in only] == ["xbrl_formula/train.jsonl"]
