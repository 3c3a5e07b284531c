"""Seeds on a real Ray cluster of two nodes, on this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from specialists.foundation.errors import ConfigError
from specialists.foundation.records import verify
from training.tuning import commands, cost, seeds
from training.tuning.recipe import Recipe, load

RECIPE = load("sentiment/sft/embedded")
CPU = cost.device("cpu-2")
STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in.py")))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two nodes of one core each; the driver joins them as it would join any cluster."""
    from ray.cluster_utils import Cluster

    size = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # a busy machine would let its tasks starve
        made = Cluster(initialize_head=True, head_node_args=size)
        made.add_node(**size)
        made.wait_for_nodes()
        yield made.address
        made.shutdown()


@pytest.fixture(autouse=True)
def _address(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster)


def job(out: Path, *overrides: str, recipe: str = "sentiment/sft/embedded") -> seeds.Job:
    return seeds.Job(recipe, overrides, out, None, (11, 12), command=STAND_IN)


def test_two_seeds_run_on_two_nodes_and_both_come_back(base: Path, tmp_path: Path) -> None:
    """Real runs of the real command; neither node has room for both at once."""
    words = (f"base.source={base}", "data.count=16", "watch.count=4", "learning.steps=2")
    short = (*words, "learning.batch=4", "data.length=200")
    real = seeds.Job("sentiment/sft/embedded", short, tmp_path, None, (11, 12))
    said: list[str] = []
    made = load("sentiment/sft/embedded", short)
    assert seeds.run(real, made, CPU, on="ray", say=said.append) == 0, said
    record = seeds.SeedsRecord.read(tmp_path / seeds.SUMMARY)
    assert {run.status for run in record.runs} == {"finished"}
    assert len({run.where for run in record.runs}) == 2, "both ran on one node"
    assert len({run.digest for run in record.runs}) == 2, "two seeds made the same"
    for run in record.runs:
        folder = tmp_path / f"seed-{run.seed}"
        found = verify(folder / "adapter", run.digest)
        assert found.recipe["seed"] == run.seed
        assert found.recipe_digest == record.recipe_digest
        assert "watched: loss" in (folder / seeds.LOG).read_text()
        assert not (folder / "checkpoints").exists()
    assert record.metrics["train_loss"].count == 2
    assert "2 tasks of 1 CPU on 2 nodes" in said


def test_a_failed_seed_is_told_and_alone_run_again(tmp_path: Path) -> None:
    said: list[str] = []
    assert seeds.run(job(tmp_path, "fail=12"), RECIPE, CPU, on="ray", say=said.append) == 1
    good, failed = seeds.SeedsRecord.read(tmp_path / seeds.SUMMARY).runs
    assert (good.status, failed.status) == ("finished", "failed")
    assert "the disk is on fire\nexit status 7" in failed.error
    assert not commands.finished(tmp_path / "seed-12")
    said.clear()
    code = seeds.run(job(tmp_path), RECIPE, CPU, on="ray", resume=True, say=said.append)
    assert code == 0
    assert "seed 11: finished before" in said
    again, now = seeds.SeedsRecord.read(tmp_path / seeds.SUMMARY).runs
    assert again.where == good.where
    assert now.status == "finished"


def test_a_recipes_own_file_is_sent_along(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('extends = "sentiment/sft/embedded"\n[learning]\nrate = 1e-4\n')
    sent = job(tmp_path / "runs", recipe=str(path))
    assert seeds.run(sent, load(path), CPU, on="ray", say=lambda line: None) == 0
    log = (tmp_path / "runs" / "seed-11" / seeds.LOG).read_text()
    assert "rate 0.0001\nlearning with mine.toml" in log


def test_what_no_node_has_room_for_is_refused_at_once(tmp_path: Path) -> None:
    gpu = RECIPE.model_copy(update={"base": RECIPE.base.model_copy(update={"device": "cuda"})})
    with pytest.raises(ConfigError, match=r"needs 1 CPU and 1 GPU, and no node .* 1 CPU and 0 GPU"):
        seeds.run(job(tmp_path), gpu, CPU, on="ray", say=lambda line: None)


@pytest.mark.parametrize(
    ("recipe", "device", "needs"),
    [
        ("sentiment/sft/embedded", "cpu-2", {"CPU": 1.0}),
        ("sentiment/sft/qwen3-0.6b", "h100-80gb", {"CPU": 1.0, "GPU": 1.0}),
        ("sentiment/sft/qwen3-4b", "4xh200", {"CPU": 1.0, "GPU": 4.0}),
    ],
)
def test_resources_follow_from_the_device(
    recipe: str, device: str, needs: dict[str, float]
) -> None:
    from training.tuning import on_ray

    made: Recipe = load(recipe)
    assert on_ray.resources(made, cost.device(device)) == needs


def test_a_tar_replaces_what_was_there(tmp_path: Path) -> None:
    from training.tuning import on_ray

    made, home = tmp_path / "made", tmp_path / "home"
    for folder, text in ((made, "new"), (home, "old")):
        (folder / "adapter").mkdir(parents=True)
        (folder / "adapter" / "run.json").write_text(text)
    (home / "adapter" / "stray.txt").write_text("old")
    (home / "notes.txt").write_text("mine")
    on_ray.unpack(on_ray.packed(made), home)
    assert (home / "adapter" / "run.json").read_text() == "new"
    assert not (home / "adapter" / "stray.txt").exists()
    assert (home / "notes.txt").read_text() == "mine"
