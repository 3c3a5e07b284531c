"""The specialists that the settings name, whoever serves them."""

from __future__ import annotations

from router.config import Settings
from specialists.registry import Progress, Registry, load_embedded


def engage(settings: Settings, progress: Progress | None = None) -> Registry:
    """The registry over what the settings name. No model is loaded and no server asked yet.

    Args:
        progress: told what is being loaded in process, and how far it is (0 to 1).

    Raises:
        RecordError: weights or decision records that are missing or altered.
        AdapterError: an adapter that is altered or was made on another base.
        ConfigError: a key that is named and not there.
    """
    chosen = settings.specialists
    if chosen.engine == "embedded":
        return load_embedded(chosen.folder, serving=chosen.serving, progress=progress)
    from specialists.served import Served

    return Served(chosen.servers, chosen.folder, serving=chosen.serving)
