"""How much a request may bring, decided before anything of it is read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render

from integrations.forms import imports

logger = logging.getLogger(__name__)

SIGNED_OUT_BYTES = 64 * 1024  # a sign-in form, with room
AROUND_A_FILE = 1_000_000  # what a form sends beside its file
READ = {"GET", "HEAD", "OPTIONS", "TRACE"}  # whose bodies nobody reads


class NoFiles(FileUploadHandler):
    """For forms that ask for no file: one that comes all the same is kept nowhere."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Its content is read past."""
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Nothing comes here."""

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        """Nothing was kept."""
        return None


class BodyLimitMiddleware:
    """Refuses what is too large, and whom a page is not for, before the form's token is looked for.

    Stands before CsrfViewMiddleware, which would read the body, whoever sent it: files of any size would lie
    in the temporary folder by then. A body without a length is none to Django.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """The refusal; None where the request may go on. Raises Http404 where the person has no right."""
        if request.method in READ:
            return None
        if rights := getattr(view, "rights", None):
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not request.user.has_perms([f"integrations.{right}" for right in rights]):
                raise Http404
        takes_file = bool(getattr(view, "takes_file", False))
        if not takes_file:
            request.upload_handlers = [NoFiles(request)]
        most = self._most_bytes(request, takes_file=takes_file)
        if _length(request) > most:
            logger.warning("a request was too large: %d bytes, %d are taken here", _length(request), most)
            return render(request, "413.html", {"most": most}, status=413)
        return None

    def _most_bytes(self, request: HttpRequest, *, takes_file: bool) -> int:
        if not request.user.is_authenticated:
            return SIGNED_OUT_BYTES
        return imports.MOST_BYTES + AROUND_A_FILE if takes_file else settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def _length(request: HttpRequest) -> int:
    """What the request says of itself; the server hands on no more than that."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
