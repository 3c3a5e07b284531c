"""``finroute doctor``: a profile held against this machine."""

from __future__ import annotations

import click

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "missing": ("✗", "red")}


@click.command()
@click.option("--profile", "source", help="A profile's name, or a TOML file of the router's.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(source: str | None, overrides: tuple[str, ...], as_json: bool) -> int:
    """Say what a profile needs and this machine lacks. Nothing is loaded, started or fetched.

    Ends with 1 where something is missing.
    """
    import asyncio
    import json

    from router import config
    from router.doctor import examine

    checks = asyncio.run(examine(config.load(source, overrides)))
    if as_json:
        click.echo(json.dumps([check.model_dump() for check in checks], indent=2))
    else:
        width = max(len(check.about) for check in checks)
        for check in checks:
            mark, colour = _MARKS[check.state]
            found = check.found.replace("\n", "\n" + " " * (width + 4))
            click.echo(f"{click.style(mark, fg=colour)} {check.about:<{width}}  {found}")
            if check.mend:
                indent = "\n" + " " * (width + 4)
                click.echo(f"  {'':<{width}}  → " + check.mend.replace("\n", indent))
        missing = sum(check.state == "missing" for check in checks)
        click.echo(f"\n{'nothing is missing' if not missing else f'{missing} missing'}")
    return int(any(check.state == "missing" for check in checks))
