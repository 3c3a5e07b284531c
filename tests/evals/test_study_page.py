"""A study's page tells shares, gains and their intervals from the episodes alone."""

import pytest

from evals import study, study_page
from evals.__main__ import main as evals_main
from evals.commands import DOCS
from evals.study import Arm, Asked, Made


def asked(arm: str, seed: int, right, *, paper: str = "companies", decode: str = "greedy"):
    return [
        Asked(
            arm=arm,
            seed=seed,
            paper=paper,
            decode=decode,
            question=str(n),
            company=f"c{n % 10}",
            template="t",
            figures={"right": float(right(n)), "recovered": 1.0 if n % 7 == 0 else None},
            tokens=20 + n % 3,
            turns=2,
        )
        for n in range(60)
    ]


EPISODES = [
    *asked(study.BASE, 0, lambda n: True),
    *asked("start", 11, lambda n: n % 2 == 0),
    *(a for seed in (11, 12, 13) for a in asked("grpo", seed, lambda n: n % 4 != 3)),
    *(a for seed in (11, 12, 13) for a in asked("placebo", seed, lambda n: n % 2 == 0)),
]
ARMS = {
    "start": Arm(method="sft", recipe="a", runs={11: "x"}, seconds=(60.0,)),
    "grpo": Arm(
        method="grpo", recipe="b", runs={11: "x", 12: "y", 13: "z"}, seconds=(120.0, 130.0, 140.0)
    ),
}
MADE = Made(specialist="maths", base="0", arms=ARMS, device="a machine")


def page(episodes=EPISODES, **more) -> str:
    return study_page.page("Title", episodes, MADE, command="finroute evals study x", **more)


def row(text: str, arm: str, number: int = 0) -> str:
    return [line for line in text.splitlines() if line.startswith(f"| {arm} |")][number]


def test_shares_and_gains_are_those_of_the_episodes():
    text = page()
    assert "0.500 [" in row(text, "start", 1)
    assert "0.750 [" in row(text, "grpo", 1)
    assert "**+25.0 [" in row(text, "grpo", 2)  # clear of zero
    assert "+0.0 [+0.0, +0.0]" in row(text, "placebo", 1)
    assert "2.2" in row(text, "grpo", 0)  # minutes a run


def test_the_base_and_the_start_come_first():
    lines = [line.split("|")[1].strip() for line in page().splitlines() if line.startswith("| ")]
    shares = lines[lines.index("arm", 1) + 1 :]
    assert shares[:4] == [study.BASE, "start", "grpo", "placebo"]


def test_what_is_told_of_some_episodes_alone_says_of_how_many():
    assert "1.000" in row(page(), "grpo", 3)
    mixed = [
        *EPISODES[:120],
        *(
            a.model_copy(update={"figures": {**a.figures, "recovered": None}})
            if (int(a.question) + a.seed) % 2
            else a
            for a in EPISODES[120:]
        ),
    ]
    assert " of " in row(page(mixed), "grpo", 3)


def test_words_written_by_hand_come_last():
    text = page(words="## What it says\n\nNothing.")
    assert text.endswith("## What it says\n\nNothing.\n")


def test_episodes_are_kept_and_read_again(tmp_path):
    path = tmp_path / "studies" / "x.jsonl.gz"
    study._append(path, EPISODES[:60])
    study._append(path, EPISODES[60:70])
    assert study.read(path) == EPISODES[:70]
    assert study.read(tmp_path / "none.jsonl.gz") == []


@pytest.mark.parametrize("name", ["maths", "tool-discipline"])
def test_a_committed_page_is_that_of_the_committed_episodes(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the adapters are not
    words = ["study", f"runs/studies/{name}", "--page-only", "--docs", str(tmp_path)]
    evals_main(words, standalone_mode=False)
    assert (tmp_path / f"{name}.md").read_text("utf-8") == (DOCS / f"{name}.md").read_text("utf-8")
