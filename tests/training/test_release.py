"""The release pipeline: order, what is skipped, what is run again, and how it stops."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from specialists.foundation.errors import ConfigError
from training.release import Release, Stage, StageFailed
from training.stages import stages


class Commands:
    """Stands for the project's commands: writes what a stage makes, and remembers its words."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.ran: list[str] = []
        self.words: list[tuple[str, ...]] = []
        self.status = 0

    def __call__(self, words: Sequence[str]) -> int:
        self.ran.append(words[0])
        self.words.append(tuple(words))
        if self.status == 0:
            (self.out / words[0]).mkdir(exist_ok=True)
            (self.out / words[0] / "weights").write_text(" ".join(words), "utf-8")
        return self.status


def pipeline(tmp_path: Path, commands: Commands, setting: str = "1") -> Release:
    recipe = tmp_path / "base.toml"
    recipe.write_text(setting, "utf-8")
    return Release(
        [
            Stage("base", ("base", "{work}"), ("base",), settings=(recipe,), resume=("half", "-r")),
            Stage("one", ("one",), ("one",), needs=("base",)),
            Stage("two", ("two",), ("two",), needs=("base",)),
        ],
        tmp_path / "work",
        tmp_path / "out",
        call=commands,
        say=lambda text: None,
    )


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path / "out")


def test_side_by_side_each_waits_for_what_it_needs(tmp_path: Path, commands: Commands) -> None:
    pipeline(tmp_path, commands).run(parallel=2)
    assert commands.ran[0] == "base"
    assert {*commands.ran[1:]} == {"one", "two"}
    assert set(pipeline(tmp_path, commands).marks) == {"base", "one", "two"}


def test_what_is_done_is_not_done_again(tmp_path: Path, commands: Commands) -> None:
    pipeline(tmp_path, commands).run()
    pipeline(tmp_path, commands).run()
    assert commands.ran == ["base", "one", "two"]
    pipeline(tmp_path, commands).run(again=["two"])
    assert commands.ran[3:] == ["two"]


def test_one_stage_alone(tmp_path: Path, commands: Commands) -> None:
    pipeline(tmp_path, commands).run(only=["two"])
    pipeline(tmp_path, commands).run(only=["one"])
    assert commands.ran == ["two", "one"]


def test_a_changed_recipe_makes_everything_behind_it_again(
    tmp_path: Path, commands: Commands
) -> None:
    pipeline(tmp_path, commands).run()
    pipeline(tmp_path, commands, setting="2").run()
    assert commands.ran[3:] == ["base", "one", "two"]
    assert commands.words[0] != commands.words[3], "the old work folder is not taken up"


def test_a_result_that_was_touched_is_made_again(tmp_path: Path, commands: Commands) -> None:
    pipeline(tmp_path, commands).run()
    (tmp_path / "out" / "one" / "weights").write_text("other", "utf-8")
    pipeline(tmp_path, commands).run()
    assert commands.ran[3:] == ["one"]


def test_what_a_later_stage_puts_beside_a_result_does_not_touch_it(
    tmp_path: Path, commands: Commands
) -> None:
    def calibrate(words: Sequence[str]) -> int:
        if words[0] == "late":
            (tmp_path / "out" / "one" / "late.json").write_text("{}", "utf-8")
        return commands(words) if words[0] != "late" else 0

    def made() -> Release:
        listed = [
            Stage("one", ("one",), ("one",)),
            Stage("late", ("late",), ("one/late.json",), needs=("one",)),
        ]
        return Release(
            listed, tmp_path / "work", tmp_path / "out", call=calibrate, say=lambda text: None
        )

    made().run()
    made().run()
    assert commands.ran == ["one"]


def test_a_failed_stage_stops_and_the_next_run_goes_on(tmp_path: Path, commands: Commands) -> None:
    pipeline(tmp_path, commands).run(until="base")
    commands.status = 3
    with pytest.raises(StageFailed, match="one ended with status 3"):
        pipeline(tmp_path, commands).run()
    commands.status = 0
    pipeline(tmp_path, commands).run()
    assert commands.ran == ["base", "one", "one", "two"]


def test_a_stopped_stage_is_resumed(tmp_path: Path, commands: Commands) -> None:
    commands.status = 130
    with pytest.raises(StageFailed, match="base was interrupted"):
        pipeline(tmp_path, commands).run()
    folder = Path(commands.words[0][1])
    (folder / "half").write_text("", "utf-8")
    commands.status = 0
    pipeline(tmp_path, commands).run(until="base")
    assert commands.words[1] == ("base", str(folder), "-r")


def test_unknown_and_misplaced_stages_are_named(tmp_path: Path, commands: Commands) -> None:
    with pytest.raises(ConfigError, match="no stage three; there are base, one, two"):
        pipeline(tmp_path, commands).run(until="three")
    with pytest.raises(ConfigError, match="two needs one before it"):
        Release([Stage("two", ("two",), (), needs=("one",))], tmp_path, tmp_path)


@pytest.mark.parametrize("quick", [False, True])
def test_the_stages_are_in_order_and_each_makes_something(tmp_path: Path, quick: bool) -> None:
    listed = Release(stages(quick=quick), tmp_path, tmp_path).stages
    assert listed[0].name == "base"
    judged = {stage.name for stage in listed if not stage.makes}
    assert judged == {"accuracy", "curves", "measures"}, "these write results"
    assert all(path.exists() for stage in listed for path in stage.settings)
