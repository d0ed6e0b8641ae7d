"""The Public Suffix List is read as its package reads it."""

import random

import pytest
from tldextract import TLDExtract

from integrations.matching import contacts


@pytest.fixture(scope="module")
def package() -> TLDExtract:
    return TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)


def test_the_rules_are_those_of_the_package(package: TLDExtract) -> None:
    assert contacts._rules() == frozenset(package.tlds)


def test_hosts_are_owned_as_the_package_says(package: TLDExtract) -> None:
    chosen = random.Random(7).sample(sorted(contacts._rules()), 1_500)
    special = [rule for rule in contacts._rules() if rule[0] in "*!"]
    for rule in [*chosen, *special]:
        suffix = rule.lstrip("!").replace("*", "anything")
        for host in (suffix, f"tarnbrook.{suffix}", f"www.tarnbrook.{suffix}", f"a.b.c.{suffix}"):
            found = package(host)
            whole = f"{found.domain}.{found.suffix}" if found.domain and found.suffix else ""
            shared = {whole, found.suffix} & contacts._SHARED
            assert contacts.registrable(host)[0] == ("" if shared else whole), host


def test_without_the_bundled_list_the_package_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "SNAPSHOT", ".not_there")
    contacts._rules.cache_clear()
    try:
        assert "co.uk" in contacts._rules()
    finally:
        contacts._rules.cache_clear()
