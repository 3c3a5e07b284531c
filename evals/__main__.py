"""``finroute evals``: judge the specialists. Models are loaded when a command runs."""

from __future__ import annotations

import click

from evals import commands
from evals.asking import ask
from evals.decision import capture_commands, keys_commands, power_commands
from evals.decision import commands as decision_commands
from evals.drift import commands as drift_commands
from evals.report import commands as report_commands
from evals.serving import commands as serving_commands
from evals.sober import commands as sober_commands

GROUPS = (
    commands.COMMANDS,
    decision_commands.COMMANDS,
    capture_commands.COMMANDS,
    power_commands.COMMANDS,
    keys_commands.COMMANDS,
    report_commands.COMMANDS,
    sober_commands.COMMANDS,
    serving_commands.COMMANDS,
    drift_commands.COMMANDS,
)


@click.group(name="evals")
def main() -> None:
    """Judge the specialists: which adapters are justified, how right and how fast they are."""


for command in (ask, *(command for group in GROUPS for command in group)):
    main.add_command(command)


if __name__ == "__main__":
    main()
