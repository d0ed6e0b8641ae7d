"""API tokens: the list, making one, and revoking one."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.forms.tokens import TokenForm
from integrations.models import ApiToken
from integrations.services.audit import Batch, actor_of
from integrations.services.read_api import create_token, listed_tokens, revoke_token
from integrations.views.common import SignedInRequest, first_press, form_status, needs, new_press


@needs("view_apitoken")
@require_GET
def tokens(request: SignedInRequest) -> HttpResponse:
    """Every token with its rights, expiry and last use. The tokens themselves are known to nobody."""
    rows = ApiToken.objects.with_maker().select_related("created_by").prefetch_related("instances")
    return render(request, "integrations/tokens/list.html", {"tokens": listed_tokens(rows)})


@needs("add_apitoken")
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_http_methods(["GET", "POST"])
@sensitive_variables("plain")
def add(request: SignedInRequest) -> HttpResponse:
    """Make a token. It is shown in the answer to the form and nowhere else, so there is no redirect."""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not first_press(request):
            messages.info(
                request, "This token was made already. It was shown once; revoke it if you lost it."
            )
            return redirect("integrations:tokens")
        token, plain = create_token(Batch(actor_of(request)), form.spec())
        return render(request, "integrations/tokens/created.html", {"token": token, "plain": plain})
    return render(
        request,
        "integrations/tokens/form.html",
        {"form": form, "press": new_press()},
        status=form_status(form),
    )


@needs("change_apitoken")
@require_POST
def revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    """Close the door for a token at once."""
    token = get_object_or_404(ApiToken, pk=pk)
    if revoke_token(Batch(actor_of(request)), token):
        messages.success(request, f"“{token.name}” was revoked. Whoever uses it is refused from now on.")
    else:
        messages.info(request, f"“{token.name}” was revoked before.")
    return redirect("integrations:tokens")
