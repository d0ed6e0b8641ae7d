"""The frame of the pages: strict about scripts and styles, sound references, readable colours."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django import forms
from django.contrib.auth.models import User
from django.contrib.messages import constants
from django.core.paginator import Paginator
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse

from integrations.models.instances import IntegrationInstance
from tests.support.used_styles import CLASS, USED, WHOLE, blocks, named_classes, used

ROOT = Path(__file__).resolve().parents[2]
STYLE_SHEET = (ROOT / "static/css/portal.css").read_text(encoding="utf-8")
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

ENTRANCES = ["account_login", "account_inactive", "socialaccount_login_cancelled"]
SIGNED_IN = [
    "integrations:home", "integrations:organizations", "integrations:glossary", "mfa_index",
    "account_change_password", "account_logout", "account_reauthenticate",
]  # fmt: skip


class Markup(HTMLParser):
    """What the tests ask of a page: ids and references to them, and whatever the content policy forbids."""

    REFERENCES = ("for", "aria-describedby", "aria-labelledby", "aria-controls")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: set[str] = set()
        self.forbidden: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.append(values["id"])
        for name in self.REFERENCES:
            self.references.update(values.get(name, "").split())
        if tag == "a" and len(values.get("href", "")) > 1 and values["href"].startswith("#"):
            self.references.add(values["href"][1:])
        inline_script = tag == "script" and "src" not in values and values.get("type") != "application/json"
        if tag == "style" or inline_script:
            self.forbidden.append(f"<{tag}>")
        for name, value in values.items():
            code = name.startswith(("on", "hx-on")) or value.lower().startswith("javascript:")
            foreign = name in ("src", "action") and value.startswith(("http", "//"))
            if name == "style" or code or foreign:
                self.forbidden.append(f"<{tag} {name}={value!r}>")


def assert_sound(html: str) -> None:
    """No inline style or script, nothing from elsewhere, every id once, every reference with its target."""
    markup = Markup(html)
    assert markup.forbidden == []
    assert sorted(markup.ids) == sorted(set(markup.ids))
    assert markup.references - set(markup.ids) == set()


# --- pages ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("name", ENTRANCES)
def test_pages_before_the_sign_in_are_strict_and_sound(client: Client, name: str) -> None:
    response = client.get(reverse(name))

    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    assert_sound(response.content.decode())


@pytest.mark.parametrize("name", SIGNED_IN)
def test_pages_behind_the_sign_in_are_strict_and_sound(
    superuser: User, client_of: Callable[[User], Client], name: str
) -> None:
    response = client_of(superuser).get(reverse(name))

    assert response.status_code == 200
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert_sound(response.content.decode())


def test_the_setup_page_is_strict_and_sound(
    superuser: User, client_of: Callable[[User], Client], refreshed: IntegrationInstance
) -> None:
    response = client_of(superuser).get(reverse("integrations:setup", args=[refreshed.psa, refreshed.pk]))

    assert response.status_code == 200
    assert_sound(response.content.decode())


def test_the_second_factor_is_set_up_used_and_turned_off_on_sound_pages(
    superuser: User, client: Client
) -> None:
    password = {"login": "sonja", "password": "a long pass phrase"}

    def page(name: str, data: dict[str, str] | None = None) -> str:
        url = reverse(name)
        response = client.get(url) if data is None else client.post(url, data, follow=True)
        assert response.status_code == 200, (name, response.headers.get("Location"))
        html = response.content.decode()
        assert_sound(html)
        return html

    page("account_login", password)
    page("account_reauthenticate", {"password": password["password"]})
    setup = page("mfa_activate_totp")
    assert 'src="data:image/svg+xml' in setup
    found = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', setup)
    assert found is not None
    secret = found[1]
    assert 'aria-invalid="true"' in page("mfa_activate_totp", {"code": "000000"})

    def code() -> str:
        counter = int(time.time()) // mfa_settings.TOTP_PERIOD
        return str(totp.format_hotp_value(totp.hotp_value(secret, counter)))

    page("mfa_activate_totp", {"code": code()})
    assert "Turn off" in page("mfa_index")
    assert len(re.findall(r"<li><code>", page("mfa_view_recovery_codes"))) == 10
    assert "will stop working" in page("mfa_generate_recovery_codes")

    page("account_logout", {})
    recovery = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES).wrap()
    assert "Second factor" in page("account_login", password)
    assert "Sign out" in page("mfa_authenticate", {"code": recovery.get_unused_codes()[0]})

    page("account_reauthenticate", {"password": password["password"]})
    assert "Your password alone" in page("mfa_deactivate_totp")
    page("mfa_deactivate_totp", {})
    assert "Set up" in page("mfa_index")


def test_somebody_signs_in_and_out(superuser: User, client: Client) -> None:
    signed_in = client.post(
        reverse("account_login"), {"login": "sonja", "password": "a long pass phrase"}, follow=True
    )

    assert signed_in.redirect_chain[-1][0] == reverse("integrations:home")
    page = signed_in.content.decode()
    assert f'<form method="post" action="{reverse("account_logout")}">' in page
    assert "Successfully signed in" not in page

    client.post(reverse("account_logout"))
    assert client.get(reverse("integrations:home")).status_code == 302


@pytest.mark.django_db
def test_a_wrong_password_is_said_once_and_gets_the_focus(client: Client) -> None:
    page = client.post(reverse("account_login"), {"login": "nobody", "password": "wrong"}).content.decode()

    assert page.count("not correct") == 1
    assert re.search(r'class="error-summary" role="alert" tabindex="-1" autofocus', page)
    assert 'value="wrong"' not in page


@pytest.mark.django_db
def test_nobody_can_sign_up(client: Client) -> None:
    page = client.get(reverse("account_login")).content.decode()

    assert "Accounts are made by an administrator." in page
    assert "signup" not in page
    new = {"username": "new", "password1": "Heron-lantern-44", "password2": "Heron-lantern-44"}
    for response in (client.get("/accounts/signup/"), client.post("/accounts/signup/", new)):
        assert response.status_code == 404
    assert not User.objects.exists()


def test_only_superusers_are_led_to_the_admin(
    superuser: User, owner: User, client_of: Callable[[User], Client]
) -> None:
    link = f'<a href="{reverse("admin:index")}">Admin</a>'

    assert link in client_of(superuser).get(reverse("integrations:glossary")).content.decode()
    assert link not in client_of(owner).get(reverse("integrations:glossary")).content.decode()


def test_the_page_that_is_open_is_marked_in_the_navigation(
    superuser: User, client_of: Callable[[User], Client]
) -> None:
    for name in ("home", "organizations", "glossary"):
        url = reverse(f"integrations:{name}")
        navigation = client_of(superuser).get(url).content.decode().split("</nav>")[0]
        assert re.findall(r'href="([^"]*)" aria-current="page"', navigation) == [url]


# --- errors -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_unknown_address_gets_a_page_that_leads_on(client: Client) -> None:
    response = client.get("/no/such/page/<script>")

    assert response.status_code == 404
    page = response.content.decode()
    assert "There is no such page" in page
    assert "UTC" in page
    assert "no/such" not in page
    assert_sound(page)


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_in_plain_words() -> None:
    response = Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "x"})

    assert response.status_code == 403
    assert "The form was too old" in response.content.decode()
    assert_sound(response.content.decode())


@pytest.mark.parametrize("code", ["400", "403", "404", "429", "500"])
def test_error_pages_need_neither_request_nor_database(code: str) -> None:
    html = render_to_string(f"{code}.html")

    assert f"Error {code}" in html
    assert_sound(html)


# --- parts of pages ---------------------------------------------------------------------------------------


def message(level: int, tag: str, text: str, extra_tags: str = "") -> SimpleNamespace:
    class Text(SimpleNamespace):
        def __str__(self) -> str:
            return text

    return Text(level=level, level_tag=tag, extra_tags=extra_tags)


def test_errors_interrupt_and_other_messages_wait() -> None:
    html = render_to_string(
        "includes/messages.html",
        {
            "messages": [
                message(constants.SUCCESS, "success", "Saved"),
                message(constants.ERROR, "error", "Refused"),
            ]
        },
    )

    alert, status = html.split('id="messages-status"')
    assert "Refused" in alert
    assert "alert-danger" in alert
    assert "Saved" in status
    assert "Saved" not in alert


def test_a_message_about_a_batch_carries_undo() -> None:
    batch = UUID("7a3e0b9e-52f5-4f0e-9f0f-0c5f3f7d9a11")
    html = render_to_string(
        "includes/message.html", {"message": message(constants.SUCCESS, "success", "Saved", f"undo:{batch}")}
    )

    assert f'<form method="post" action="{reverse("integrations:undo", args=[batch])}">' in html


@pytest.mark.parametrize("extra_tags", ["", "undo:", "undo:not-a-batch", "other"])
def test_any_other_message_carries_no_undo(extra_tags: str) -> None:
    html = render_to_string(
        "includes/message.html", {"message": message(constants.INFO, "info", "Hello", extra_tags)}
    )

    assert "<form" not in html


def test_the_text_of_a_message_stays_text() -> None:
    html = render_to_string(
        "includes/message.html", {"message": message(constants.INFO, "info", "<script>alert(1)</script>")}
    )

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


class Example(forms.Form):
    name = forms.CharField(help_text="As staff will see it.")
    secret = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "mono"}))
    kind = forms.ChoiceField(choices=[("1", "<Customer>")], required=False)
    ways = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.CheckboxSelectMultiple)
    active = forms.BooleanField(required=False)
    note = forms.CharField(widget=forms.Textarea, required=False)
    hidden = forms.CharField(widget=forms.HiddenInput, required=False)


def test_every_field_has_a_label_help_and_error_that_belong_to_it() -> None:
    html = render_to_string("includes/error_summary.html", {"form": Example({})}) + "".join(
        field.as_field_group() for field in Example({}) if not field.is_hidden
    )

    assert_sound(html)
    assert 'aria-describedby="id_name_helptext id_name_error" id="id_name"' in html
    assert '<a href="#id_secret">Secret: Enter the secret.</a>' in html


def test_a_form_says_what_is_wrong_first_and_looks_like_the_portal() -> None:
    html = str(Example({"secret": "hunter2"}))

    assert html.index("error-summary") < html.index('id="id_name"')
    assert 'class="form-control mono"' in html
    assert 'class="form-select"' in html
    assert "&lt;Customer&gt;" in html
    assert "(optional)" in html
    assert "hunter2" not in html
    assert_sound(html)


def test_a_hidden_field_is_not_styled_and_shown() -> None:
    html = str(Example())

    assert '<input type="hidden" name="hidden" id="id_hidden">' in html
    assert "error-summary" not in html


def test_pages_of_a_table_keep_the_rest_of_the_address() -> None:
    request = RequestFactory().get("/", {"state": "mapped", "page": "3"})
    html = render_to_string(
        "includes/pagination.html",
        {"page": Paginator(range(1240), 50).page(3), "noun": "organizations"},
        request=request,
    )

    assert "101 to 150 of 1,240 organizations" in html
    assert "?state=mapped&amp;page=2" in html
    assert "?state=mapped&amp;page=25" in html


def test_confidence_is_a_figure_not_only_a_bar() -> None:
    html = render_to_string("includes/confidence.html", {"confidence": 0.974, "tier": "sure"})

    assert 'value="97"' in html
    assert "97 %" in html
    assert render_to_string("includes/confidence.html", {"confidence": None}).strip() == ""


def test_coverage_draws_each_share_and_says_it() -> None:
    numbers = {"mapped": 412, "review": 4, "unmapped": 80, "ignored": 4, "elsewhere": 0}
    html = render_to_string("includes/coverage.html", numbers)

    assert 'viewBox="0 0 500 1"' in html
    assert "Elsewhere" not in html
    assert '<rect class="coverage-review" width="416"' in html
    assert re.search(r"Mapped</th><td>412</td><td>82 %</td>", html)
    assert re.search(r"Ignored</th><td>4</td><td>1 %</td>", html)
    assert_sound(html)


# --- files ------------------------------------------------------------------------------------------------


def test_every_icon_that_a_template_names_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', (ROOT / "static/img/icons.svg").read_text()))
    named = {
        name for template in TEMPLATES for name in re.findall(r'{% icon "([a-z-]+)"', template.read_text())
    }

    assert len(named) > 15
    assert named - drawn == set()


def test_no_template_holds_inline_style_or_script() -> None:
    for template in TEMPLATES:
        source = re.sub(r"{% comment %}.*?{% endcomment %}", "", template.read_text(), flags=re.DOTALL)
        assert not re.search(r"\sstyle\s*=|<style|<script(?![^>]*\bsrc=)|\son[a-z]+\s*=\s*[\"']", source), (
            template
        )


def test_the_vendored_style_sheet_is_whole_licensed_and_points_nowhere() -> None:
    folder = ROOT / "static/vendor/bootstrap"
    style_sheet = (folder / "bootstrap.min.css").read_text(encoding="utf-8")

    assert "Bootstrap  v5.3." in style_sheet[:200]
    assert "sourceMappingURL" not in style_sheet  # the manifest storage would look for that file
    assert set(re.findall(r"url\((.{6})", style_sheet)) == {'"data:'}
    assert "MIT License" in (folder / "LICENSE").read_text()


def test_pages_load_the_rules_of_every_class_that_they_name() -> None:
    whole, used = WHOLE.read_text(), USED.read_text()
    styled = set(CLASS.findall(whole)) & named_classes()

    assert {"btn", "alert", "form-control", "form-select", "table", "visually-hidden"} <= styled
    assert styled <= set(CLASS.findall(used)), "due: python -m tests.support.used_styles"
    assert "Licensed under MIT" in used[:300]
    # Not a word of it is ours: each rule stands in the whole style sheet, with these selectors or more.
    assert all(body in whole for _, body in blocks(used) if "{" not in body)


def test_the_rules_that_are_used_are_told_by_classes_and_their_beginnings() -> None:
    css = "a{b:c}.btn,.no-such-class{d:e}@media x{.btn{f:g}.neither-this{h:i}}@keyframes not-named{j{k:l}}"
    assert used(css) == "a{b:c}.btn{d:e}@media x{.btn{f:g}}"
    assert used(".btn:not(.no-such,.alert),.no-such:not(.btn){a:b}") == ".btn:not(.no-such,.alert){a:b}"


def test_what_every_page_loads_stays_small() -> None:
    files = [
        "css/portal.css",
        "js/base.js",
        "js/session.js",
        "img/icons.svg",
        "vendor/bootstrap/used.css",
    ]
    weight = sum(len(gzip.compress((ROOT / "static" / name).read_bytes())) for name in files)

    assert weight < 35_000  # bytes on the wire; htmx adds 17 kB


# --- colours ----------------------------------------------------------------------------------------------

TOKENS = dict(re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\);", STYLE_SHEET))
GROUNDS = ["page", "surface", "sunken", "hover", "accent-soft"]
READABLE = [
    *[(text, ground) for text in ("text", "muted", "accent") for ground in GROUNDS],
    *[(f"{name}", f"{name}-soft") for name in ("good", "warn", "bad", "elsewhere")],
    *[("text", f"{name}-soft") for name in ("good", "warn", "bad", "elsewhere")],
    *[(name, "surface") for name in ("good", "warn", "bad", "elsewhere")],
]


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" (WCAG 2.2, "relative luminance")."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_every_ground(theme: int) -> None:
    colour = {name: pair.split(", ")[theme] for name, pair in TOKENS.items()}

    too_faint = {
        (text, ground): round(contrast(colour[text], colour[ground]), 2)
        for text, ground in READABLE
        if contrast(colour[text], colour[ground]) < 4.5
    }
    assert too_faint == {}
    for fill in ("accent-fill", "accent-fill-hover", "bad-fill", "bad-fill-hover"):
        assert contrast("#ffffff", colour[fill]) >= 4.5, fill
    for edge in ("line-strong", "accent"):  # borders of controls, the ring around what has the focus
        assert min(contrast(colour[edge], colour[ground]) for ground in ("page", "surface")) >= 3, edge


def test_no_password_reset_is_offered_without_a_mail_server(client: Client, db: None) -> None:
    assert client.get("/accounts/password/reset/").status_code == 404
