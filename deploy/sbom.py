"""A software bill of materials (CycloneDX 1.6) of what finroute needs to run.

    python deploy/sbom.py > sbom.cdx.json                 # finroute[embedded,serve]
    python deploy/sbom.py --extras serve > sbom.cdx.json

It lists the packages that the installed finroute asks for, and what those ask for in turn, with
the versions and licences that are installed here; a version that ``requirements/lock.txt`` does not
name is refused. Nothing is fetched, and the same environment gives the same bytes. It lists Python
packages alone: no system libraries, no weights (their digests are in ``weights.json``), no vLLM.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "lock.txt"
EXTRAS = ("embedded", "serve")


def read_lock(path: Path = LOCK) -> dict[str, Version]:
    """The versions of a lock of ``name==version`` lines, by canonical name."""
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    pins = (line.split("==") for line in lines if line)
    return {canonicalize_name(name): Version(version) for name, version in pins}


def closure(root: str, extras: tuple[str, ...]) -> dict[str, tuple[Distribution, set[str]]]:
    """Every distribution that a root needs here, with the names of those it asks for itself.

    Raises:
        PackageNotFoundError: one of them is not installed.
    """
    asked: dict[str, set[str]] = {}
    found: dict[str, tuple[Distribution, set[str]]] = {}
    waiting = [(canonicalize_name(root), frozenset(extras))]
    while waiting:
        name, wanted = waiting.pop()
        new = wanted - asked.get(name, set())
        if name in found and not new:
            continue
        asked.setdefault(name, set()).update(wanted)
        dist, needs = found.setdefault(name, (distribution(name), set()))
        for need in _needs(dist, asked[name]):
            target = canonicalize_name(need.name)
            if target != name:
                needs.add(target)
            waiting.append((target, frozenset(need.extras)))
    return found


def make_bom(extras: tuple[str, ...] = EXTRAS, lock: Path = LOCK) -> Bom:
    """The bill of materials of the environment that this runs in.

    Raises:
        SystemExit: a package is missing, or is not of the version that the lock names.
    """
    pins = read_lock(lock)
    try:
        found = closure("finroute", extras)
    except PackageNotFoundError as error:
        raise SystemExit(
            f"{error.name} is not installed: run this where finroute[{','.join(extras)}] is"
        ) from None
    components = {
        name: _component(name, dist, pins.get(name), root=name == "finroute")
        for name, (dist, _) in found.items()
    }
    root = components.pop("finroute")
    bom = Bom(components=components.values())
    bom.metadata.component = root
    for name, (_, needs) in found.items():
        of = root if name == "finroute" else components[name]
        bom.register_dependency(of, [components[each] for each in needs])
    # of its content alone, so that two bills of one environment are equal
    named = "\n".join(sorted(str(each.purl) for each in (root, *components.values())))
    bom.serial_number = uuid5(NAMESPACE_URL, named)
    return bom


def as_json(bom: Bom) -> str:
    """CycloneDX 1.6 in JSON, without the time at which it was made."""
    told = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    del told["metadata"]["timestamp"]
    return json.dumps(told, indent=2)


def _needs(dist: Distribution, extras: set[str]) -> Iterator[Requirement]:
    here = {key: str(value) for key, value in default_environment().items()}
    for line in dist.requires or ():
        need = Requirement(line)
        marker = need.marker
        if marker is None or any(marker.evaluate({**here, "extra": e}) for e in {"", *extras}):
            yield need


def _component(name: str, dist: Distribution, pin: Version | None, *, root: bool) -> Component:
    version = Version(dist.version)
    if pin is not None and Version(version.public) != pin:
        raise SystemExit(f"{name} {version} is installed, and the lock names {pin}")
    component = Component(
        type=ComponentType.APPLICATION if root else ComponentType.LIBRARY,
        name=name,
        version=str(version),
        purl=PackageURL("pypi", name=name, version=str(version)),
        bom_ref=f"{name}=={version}",
        description=dist.metadata.get("Summary"),
    )
    licence = dist.metadata.get("License-Expression") or _classified(dist)
    if licence is not None:
        component.licenses.add(LicenseFactory().make_from_string(licence))
    if pin is None and not root:
        component.properties.add(Property(name="finroute:in-lock", value="false"))
        print(f"{name} {version} is not in the lock", file=sys.stderr)
    return component


def _classified(dist: Distribution) -> str | None:
    """The licence as older packages tell it: the end of a classifier, else a short field."""
    for line in dist.metadata.get_all("Classifier") or ():
        if line.startswith("License ::") and line != "License :: OSI Approved":
            return line.rpartition(" :: ")[2]
    told = (dist.metadata.get("License") or "").strip()
    return told if told and len(told) < 80 and "\n" not in told else None


def main() -> None:
    """Print the bill."""
    parser = argparse.ArgumentParser(description="Software bill of materials of finroute.")
    parser.add_argument("--extras", default=",".join(EXTRAS), help="default: %(default)s")
    given = parser.parse_args()
    print(as_json(make_bom(tuple(filter(None, given.extras.split(","))))))


if __name__ == "__main__":
    main()
