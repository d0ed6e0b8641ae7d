"""Our own modules as Python reads them, for tests of how the code is written."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def tree_of(path: Path) -> ast.Module:
    """The file's syntax tree, read once for all tests of this process; nobody changes it."""
    return ast.parse(path.read_text(encoding="utf-8"))
