"""The word lists a maintainer edits by hand are readable and do not contradict one another."""

import numpy as np
import pytest

from integrations.matching import wordlists
from integrations.matching.model import MODEL_VERSION, WeightsError, fitted_model, model_from
from integrations.matching.words import fold, read_words


def test_legal_forms_are_lower_case_words() -> None:
    forms = wordlists.legal_forms()
    assert len(forms) > 100
    for words, (kind, _anywhere) in forms.items():
        assert kind
        assert all(word.isalnum() and word == word.lower() for word in words), words


@pytest.mark.parametrize("spelling", [" ".join(words) for words in wordlists.legal_forms()])
def test_every_legal_form_is_set_aside_at_the_end_of_a_name(spelling: str) -> None:
    assert read_words(f"quillfeather moor {spelling}").core == ("quillfeather", "moor")


@pytest.mark.parametrize("form", wordlists.leading_legal_forms())
def test_every_leading_legal_form_is_set_aside_in_front_of_a_name(form: str) -> None:
    found = read_words(fold(f"{form} quillfeather moor"))
    assert found.core == ("quillfeather", "moor")
    assert len(found.legal) == 1


@pytest.mark.parametrize("form", [form for form in wordlists.leading_legal_forms() if not form.isascii()])
def test_a_form_in_a_script_without_spaces_may_be_joined_to_either_end(form: str) -> None:
    assert read_words(fold(f"{form}田中")).core == read_words(fold(f"田中{form}")).core == ("田中",)


@pytest.mark.parametrize("name", ["pt", "pt clinic", "株式会社"])
def test_a_leading_form_stays_where_nothing_but_a_trade_would_be_left(name: str) -> None:
    assert read_words(fold(name)).core == tuple(name.split())


def test_an_abbreviation_stands_for_a_word_that_is_none_itself() -> None:
    abbreviations = wordlists.abbreviations()
    assert not {word for word in abbreviations.values() if word in abbreviations}


def test_every_abbreviation_reads_like_its_word() -> None:
    for short, word in wordlists.abbreviations().items():
        assert read_words(f"quillfeather {short} moor").core == read_words(f"quillfeather {word} moor").core


def test_no_mark_is_in_two_sections() -> None:
    marks = wordlists.marks()
    phrases = [phrase for section in marks.values() for phrase in section]
    assert len(set(phrases)) == len(phrases)


def test_a_word_is_of_one_kind() -> None:
    kinds = (wordlists.neutral_words(), wordlists.structural_words(), wordlists.trade_words())
    assert sum(map(len, kinds)) == len(frozenset().union(*kinds))


def test_a_kind_is_given_to_words_as_they_are_compared() -> None:
    short = wordlists.abbreviations()
    assert not [word for word in wordlists.trade_words() if word in short]


def test_shared_hosts_are_host_names() -> None:
    assert all("." in host and host == host.lower() for host in wordlists.shared_hosts())


def test_the_weights_fit_the_features_and_say_where_they_come_from() -> None:
    model = fitted_model()
    assert model.version == MODEL_VERSION
    assert 0.5 < model.likely_clear < model.likely < model.sure < 1
    assert (model.knots[1:] > model.knots[:-1]).all()


def test_the_better_of_two_scores_has_the_higher_confidence_however_good_both_are() -> None:
    confidence = fitted_model().confidence(np.linspace(-12, 60, 200))
    assert (np.diff(confidence) > 0).all()
    assert 0 < confidence[0] < confidence[-1] < 1


def test_weights_for_other_features_are_refused() -> None:
    with pytest.raises(WeightsError):
        model_from({"version": "x", "pair": {"bias": 0}, "context": {"bias": 0}})
