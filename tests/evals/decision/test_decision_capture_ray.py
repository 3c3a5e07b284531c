"""A capture on a real Ray cluster of two nodes on this machine: the same samples as without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.decision.capture import Machine, capture
from evals.decision.design import Registered, load
from specialists.foundation.errors import ConfigError, DataError
from specialists.foundation.records import RUN, RunRecord, artefact_digest

DESIGN = """
specialist = "sentiment"
study = "study"
start = "base"
arms = [
    {name = "base", kind = "base"},
    {name = "tuned", kind = "trained", runs = 2},
]
contrasts = [{arm = "tuned", against = "base"}]
papers = [{name = "sealed", fold = "companies", count = 4}]
decode = {samples = 2, max_tokens = 24}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two nodes of one core each; the driver joins them as it would join any cluster."""
    from ray.cluster_utils import Cluster

    size: dict[str, Any] = {
        "num_cpus": 1,
        "object_store_memory": 100 * 2**20,
        "include_dashboard": False,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # a busy machine would let its tasks starve
        made = Cluster(initialize_head=True, head_node_args=size)
        made.add_node(**size)
        made.wait_for_nodes()
        yield made.address
        made.shutdown()


@pytest.fixture
def design(
    cluster: str,
    base: Path,
    adapters: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Registered:
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.toml").write_text('specialist = "sentiment"\n')
    (tmp_path / "d.toml").write_text(DESIGN)
    for seed, name in ((11, "alpha"), (12, "beta")):
        folder = tmp_path / "runs" / "tuned" / f"seed-{seed}" / "adapter"
        folder.mkdir(parents=True)
        for file in adapters[name].iterdir():
            if file.is_file():
                (folder / file.name).write_bytes(file.read_bytes())
        told = {"base": {"source": str(base)}}
        record = RunRecord.of(
            folder, kind="adapter", name="sentiment", base=artefact_digest(base), recipe=told
        )
        record.write(folder / RUN)
    return load(tmp_path / "d.toml")


async def test_two_nodes_take_the_samples_that_one_process_takes(
    design: Registered, tmp_path: Path
) -> None:
    said: list[str] = []
    runs = tmp_path / "runs"
    with await capture(design, tmp_path / "far", on="ray", runs=runs, say=said.append) as samples:
        far = samples.rows()
        (attempt,) = samples.study["attempts"]
        assert (attempt["status"], attempt["settings"]["on"]) == ("finished", "ray")
        assert samples.cube("sealed").arms["tuned"].shape == (2, 4, 2)
    places = {line.rpartition("from ")[2] for line in said if " samples from " in line}
    assert len(places) == 2, said
    assert "3 tasks on 2 nodes" in said
    with await capture(design, tmp_path / "near", runs=runs, say=said.append) as samples:
        near = samples.rows()
    leave = {"seconds"}
    assert [r.model_dump(exclude=leave) for r in far] == [r.model_dump(exclude=leave) for r in near]
    said.clear()
    with await capture(design, tmp_path / "far", on="ray", runs=runs, say=said.append):
        assert said == ["nothing to take"]


async def test_what_no_node_has_room_for_is_refused_at_once(
    design: Registered, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="needs 1 CPU and 1 GPU, and no node"):
        await capture(
            design,
            tmp_path / "home",
            on="ray",
            runs=tmp_path / "runs",
            machine=Machine(device="cuda"),
            say=lambda line: None,
        )


async def test_a_node_that_draws_other_questions_is_told(
    design: Registered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here this process is the one that is off: it asks for openings that no node comes to."""
    from evals.decision import taking

    monkeypatch.setattr(taking, "opening", lambda messages: "other words")
    with pytest.raises(DataError, match="this node draws another question for sealed/"):
        await capture(
            design,
            tmp_path / "home",
            on="ray",
            runs=tmp_path / "runs",
            say=lambda line: None,
        )
