"""Static files of the version that runs and of the one that comes: while machines are upgraded one by one.

``prepare`` adds the files of a new version and takes none away. A process that began before it has not seen
them, and is asked for them by pages that another machine made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """WhiteNoise, which also finds what came into ``STATIC_ROOT`` since it looked."""

    def __call__(self, request: HttpRequest) -> Any:
        address = request.path_info
        if not self.autorefresh and address.startswith(self.static_prefix) and address not in self.files:
            root = Path(settings.STATIC_ROOT).resolve()
            path = (root / address.removeprefix(self.static_prefix)).resolve()
            if path.is_relative_to(root) and path.is_file():
                self.add_file_to_dictionary(address, str(path))
        return super().__call__(request)
