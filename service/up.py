"""``finroute up``: everything a profile names, started and kept running: model servers, and the
service in front of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from router.config import Settings
    from router.servers import Start
    from service.config import ServiceSettings


@click.command()
@click.option("--profile", "source", help="A profile's name, or a TOML file of the router's.")
@click.option("--host", help="Address the service listens on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="The service's port.  [default: 8080]")
@click.option("--workspace", "-w", help="Workspace asked when a question names none.")
@click.option(
    "--service",
    "service_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The service's TOML file.  [default: service.toml in the home folder, if there]",
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting.")
@click.option("--dry-run", is_flag=True, help="Print the commands of the servers and stop.")
def up(
    source: str | None,
    host: str | None,
    port: int | None,
    workspace: str | None,
    service_file: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Start the model servers that a profile names, then the service in front of them.

    A server that answers already is used as it is; one that ends is started again. Ctrl-C ends
    all that were started here.
    """
    from router import config as router_config
    from router.servers import starts
    from service import config

    given = [f"{k}={v!r}" for k, v in (("host", host), ("port", port)) if v is not None]
    service = config.load(service_file, given)
    laid_over = [*overrides, *([f"workspace={workspace!r}"] if workspace else [])]
    settings = router_config.load(source, laid_over)
    service.check_address()
    wanted = starts(settings)
    if dry_run:
        _show(wanted)
        return
    _run(settings, service, wanted)


def _show(wanted: tuple[Start, ...]) -> None:
    import shlex

    from specialists.engines.vllm_flags import command, environment

    for each in wanted:
        words = command(each.settings, each.base, each.adapters, name=each.name)
        told = environment(each.settings, each.base)
        click.echo(f"# {each.role}, at {each.url}")
        click.echo(" ".join(f"{key}={shlex.quote(value)}" for key, value in told.items()))
        click.echo(shlex.join(words))
    if not wanted:
        click.echo("# no model server is started: models run in process, or others serve them")


def _run(settings: Settings, service: ServiceSettings, wanted: tuple[Start, ...]) -> None:
    from router.background import Background
    from router.servers import Servers, answers
    from service.command import serve_app

    background = Background()
    there = [each for each in wanted if background.run(answers(each.url))]
    for each in there:
        click.echo(f"the {each.role}' server at {each.url} answers already: it is used", err=True)
    servers = Servers([each for each in wanted if each not in there], _tell)
    try:
        background.run(servers.start())
        serve_app(settings, service)
    finally:
        background.run(servers.stop())
        background.close()


def _tell(role: str, seconds: float, line: str) -> None:
    click.echo(f"{role}: {seconds:4.0f} s  {line[:100]}", err=True)
