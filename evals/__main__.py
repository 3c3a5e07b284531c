"""``finroute evals``: judge the specialists. Models are loaded when a command runs."""

from __future__ import annotations

import click

from evals.asking import ask
from evals.commands import COMMANDS


@click.group(name="evals")
def main() -> None:
    """Judge the specialists: how often they are right, how fast, and beside what."""


for command in (ask, *COMMANDS):
    main.add_command(command)


if __name__ == "__main__":
    main()
