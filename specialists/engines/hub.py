"""Where a model's files are: a local folder, or a hub id fetched into the hub's own cache."""

from __future__ import annotations

import re
from pathlib import Path

from specialists.foundation.errors import EngineError

FILES = ["*.json", "*.safetensors", "*.jinja", "*.txt"]
_ID = re.compile(r"[\w.-]+/[\w.-]+")


def find(source: str | Path) -> Path:
    """The folder of a model.

    Args:
        source: a folder, or a hub id ``owner/name``. An id is looked up in the local cache when the
            hub cannot be reached.

    Raises:
        EngineError: no such folder, or an id that is neither cached nor reachable.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder
    if not _ID.fullmatch(str(source)):
        raise EngineError(f"no model at {source}: not a folder, and not a hub id like owner/name")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(source), allow_patterns=FILES))
    except LocalEntryNotFoundError as error:
        raise EngineError(
            f"{source} is not in the local cache and the hub cannot be reached; "
            "fetch it where there is a network, or name a local folder"
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise EngineError(f"cannot fetch {source} from the hub: {error}") from error
