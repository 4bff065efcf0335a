"""How each benchmark prints its figures and writes them down."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure beside that of a peer, measured in the same run."""

    figure: str
    unit: str
    ours: float
    peer: float
    peer_name: str

    @property
    def ratio(self) -> float:
        """Ours divided by the peer's."""
        return self.ours / self.peer if self.peer else float("nan")


def publish(figures: Sequence[Figure], path: Path | None) -> None:
    """Print the figures as a table and write them to `path`."""
    for each in figures:
        print(
            f"{each.figure:<44} {each.ours:>12,.2f} {each.unit:<9} "
            f"{each.peer_name}: {each.peer:,.2f}  ratio {each.ratio:.2f}"
        )
    if path is not None:
        rows = [{**asdict(each), "ratio": each.ratio} for each in figures]
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
