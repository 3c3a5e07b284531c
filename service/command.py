"""``finroute serve``: open the HTTP door."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from router.config import Settings
    from service.config import ServiceSettings


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port; 0: a free one.  [default: 8080]"
)
@click.option("--workspace", "-w", help="Workspace asked when a question names none.")
@click.option("--config", "source", help="The router's TOML file, or the name of a profile.")
@click.option(
    "--service",
    "service_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The service's TOML file.  [default: service.toml in the home folder, if there]",
)
@click.option("--new-key", metavar="NAME", help="Make an API key, print it, and stop.")
@click.option("--dry-run", is_flag=True, help="Print the settings and stop.")
def serve(
    host: str | None,
    port: int | None,
    workspace: str | None,
    source: str | None,
    service_file: Path | None,
    new_key: str | None,
    dry_run: bool,
) -> None:
    """Serve answers over HTTP: POST /v1/answers; the rest is in /docs.

    Without API keys in service.toml it listens on this machine only.
    """
    from router import config as router_config
    from service import config

    if new_key is not None:
        _make_key(new_key)
        return
    given = [f"{k}={v!r}" for k, v in (("host", host), ("port", port)) if v is not None]
    service = config.load(service_file, given)
    settings = router_config.load(source, [f"workspace={workspace!r}"] if workspace else [])
    if dry_run:
        click.echo(service.model_dump_json(indent=2, exclude={"keys"}))
        click.echo(settings.model_dump_json(indent=2))
        return
    service.check_address()
    serve_app(settings, service)


def _make_key(name: str) -> None:
    from service.auth import new_key

    key, entry = new_key(name)
    click.echo(f"key (shown this once): {key}\n\nadd to service.toml:\n")
    click.echo(f'[[keys]]\nname = "{entry.name}"\nsha256 = "{entry.sha256}"')


def serve_app(settings: Settings, service: ServiceSettings) -> None:
    """Serve until interrupted."""
    import uvicorn

    from service.app import create_app

    app = create_app(settings, service)
    guard = f"{len(service.keys)} API keys" if service.keys else "no API keys: this machine only"
    click.echo(f"finroute serves http://{service.host}:{service.port} ({guard})", err=True)
    uvicorn.run(
        app,
        host=service.host,
        port=service.port,
        server_header=False,
        timeout_graceful_shutdown=service.stop_s,
    )
