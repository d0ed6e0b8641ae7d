"""Zones: what can be chosen, how an address is named, and which answers are taken for an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.psa.autotask import zones
from integrations.psa.base import DestinationRefused, UnexpectedAnswer


def test_the_choices_name_zone_and_number() -> None:
    choices = dict(zones.choices())
    assert choices["ww14"] == "America East 2 (ww14)"
    assert choices["prde"] == "Pre-release Deutsch (prde)"
    assert len(choices) == len(zones.KNOWN_ZONES) == 22
    assert zones.DETECT not in choices


def test_extra_hosts_can_be_chosen_too() -> None:
    assert zones.choices({"127.0.0.1:8010"})[-1] == ("127.0.0.1:8010", "Simulator at 127.0.0.1:8010")


@pytest.mark.parametrize("known", zones.KNOWN_ZONES, ids=lambda known: known.key)
def test_every_known_zone_is_recognised_by_its_address(known: zones.KnownZone) -> None:
    assert zones.zone_of_url(f"https://{known.api_host}/ATServicesRest/") == known.key
    assert zones.label_of(known.key) == known.label


def test_a_zone_that_nobody_has_listed_yet_still_has_a_key_and_a_label() -> None:
    assert zones.zone_of_url("https://webservices31.autotask.net/ATServicesRest/") == "ww31"
    assert zones.label_of("ww31", "AE09") == "AE09 (ww31)"
    assert zones.zone_of_url("https://other.autotask.net/x/") == "other.autotask.net"


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        (
            "https://webservices14.autotask.net/ATServicesRest/",
            "https://webservices14.autotask.net/ATServicesRest/",
        ),
        (
            "https://WEBSERVICES14.autotask.net/atservicesrest",
            "https://webservices14.autotask.net/atservicesrest/",
        ),
        (
            "https://webservices14.autotask.net:443/ATServicesRest/V1.0",
            "https://webservices14.autotask.net/ATServicesRest/",
        ),
        (
            "https://webservices14.autotask.net/ATServicesRest/v1.0/",
            "https://webservices14.autotask.net/ATServicesRest/",
        ),
    ],
)
def test_addresses_are_brought_into_one_form(url: str, normal: str) -> None:
    assert zones.normal_api_url(url) == normal
    assert zones.normal_api_url(normal) == normal


@pytest.mark.parametrize("path", ["/a/../b/", "/a//b/", "/x?y=1", "/%41/", "/a;b/"])
def test_odd_paths_are_refused(path: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        zones.normal_api_url(f"https://webservices14.autotask.net{path}")


@given(st.text(max_size=60))
def test_any_answer_gives_an_allowed_address_or_a_refusal(text: str) -> None:
    for url in (text, f"https://webservices14.autotask.net/{text}"):
        try:
            found = zones.normal_api_url(url)
        except (DestinationRefused, UnexpectedAnswer):
            continue
        assert found.startswith("https://")
        assert found.endswith("/")
        assert zones.normal_api_url(found) == found
