"""``finroute``: a table of names, each loaded when it is used, so that ``--help`` costs nothing.

Errors of this project become one line on stderr and their own exit code; a traceback is shown where
``FINROUTE_DEBUG`` is set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import click

from specialists.foundation.errors import FinrouteError


class Door(NamedTuple):
    """A command: where it lives and what it does, in one line."""

    where: str
    about: str


COMMANDS: dict[str, Door] = {
    "ask": Door("router.commands.ask:ask", "Ask a question about a workspace."),
    "trace": Door("router.commands.trace:trace", "Show how an answer came to be."),
    "workspace": Door(
        "router.commands.workspace:workspace", "Make workspaces and fill them with files."
    ),
    "cases": Door("router.commands.cases:cases", "Teach it worked cases of your own."),
    "serve": Door("service.command:serve", "Serve answers over HTTP."),
    "up": Door("service.up:up", "Start what a profile names: model servers, and the service."),
    "doctor": Door("router.commands.doctor:doctor", "Hold a profile against this machine."),
    "train": Door("training.__main__:main", "Make adapters by recipes, and the embedded weights."),
    "evals": Door("evals.__main__:main", "Judge the specialists."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        door = COMMANDS.get(cmd_name)
        if door is None:
            return None
        module, _, attribute = door.where.partition(":")
        try:
            found = getattr(import_module(module), attribute)
        except ImportError as error:
            raise click.ClickException(
                f"finroute {cmd_name} needs {error.name or error}, which is not installed"
            ) from error
        return found if isinstance(found, click.Command) else _plain(cmd_name, door, found)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, door.about) for name, door in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if args and args[0] not in COMMANDS:
                raise click.UsageError(
                    f"no command {args[0]!r}; there are {', '.join(COMMANDS)}", ctx
                ) from error
            raise


def _plain(name: str, door: Door, main: Callable[..., Any]) -> click.Command:
    """A program with an argument parser of its own, as a command."""

    @click.command(
        name,
        help=door.about,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def run(arguments: tuple[str, ...]) -> None:
        sys.exit(main(list(arguments)))

    return run


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finroute")
def finroute() -> None:
    """Ask finance questions of your own tables and texts; every number comes with its source."""


def main() -> NoReturn:
    """The console script."""
    try:
        code = finroute.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except FinrouteError as error:
        if os.environ.get("FINROUTE_DEBUG"):
            raise
        click.echo(f"finroute: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("FINROUTE_DEBUG"):
            raise
        click.echo(
            f"finroute: internal error: {type(error).__name__}: {error}\n"
            "(FINROUTE_DEBUG=1 shows where)",
            err=True,
        )
        sys.exit(70)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
