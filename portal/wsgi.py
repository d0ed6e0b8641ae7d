"""The WSGI entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()


def spare_the_collector() -> None:
    """Look for reference cycles less often, and not among what is loaded now and stays.

    With Python's defaults a third or more of the time of saving 5,000 rows went into searching their objects
    again and again (docs/performance.md). Cycles are rare here; what has none is freed at once as always.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


spare_the_collector()
