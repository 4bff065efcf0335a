"""The version that `--version`, `status` and Discord's side of a request show."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
