"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# CI draws the same examples at every run, so that only a change can turn it red
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def sigden_data() -> Path:
    """Folder with real data: ``SIGDEN_DATA``, by default ``../shared/data`` beside the repository."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("SIGDEN_DATA", root / "../shared/data"))
    if not folder.is_absolute():
        folder = root / folder
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set SIGDEN_DATA")
    return folder
