"""What the caller asks of a grid file. Knows no file and no grid."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Request:
    """variable: whose grid is meant, where a file has several; edges: convention instead of the format's own;
    mask: variable that is not 0 where cells take part."""

    variable: str | None = None
    edges: str | None = None
    mask: str | None = None
