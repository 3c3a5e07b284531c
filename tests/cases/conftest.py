"""A small library, made once from the real training frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from specialists.cases import shelf


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of some hundred cases without sentence vectors."""
    folder = tmp_path_factory.mktemp("library")
    shelf.make(folder, encoder=None, examples=500)
    return folder
