"""The word lists a maintainer edits by hand are readable and do not contradict one another."""

import pytest

from integrations.matching import wordlists
from integrations.matching.model import MODEL_VERSION, WeightsError, fitted_model, model_from
from integrations.matching.words import read_words


def test_legal_forms_are_lower_case_words() -> None:
    forms = wordlists.legal_forms()
    assert len(forms) > 100
    for words, (kind, _anywhere) in forms.items():
        assert kind
        assert all(word.isalnum() and word == word.lower() for word in words), words


@pytest.mark.parametrize("spelling", [" ".join(words) for words in wordlists.legal_forms()])
def test_every_legal_form_is_set_aside_at_the_end_of_a_name(spelling: str) -> None:
    assert read_words(f"quillfeather moor {spelling}").core == ("quillfeather", "moor")


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


def test_a_word_is_not_both_neutral_and_structural() -> None:
    assert not wordlists.neutral_words() & wordlists.structural_words()


def test_shared_hosts_are_host_names() -> None:
    assert all("." in host and host == host.lower() for host in wordlists.shared_hosts())


def test_the_weights_fit_the_features_and_say_where_they_come_from() -> None:
    model = fitted_model()
    assert model.version == MODEL_VERSION
    assert 0.5 < model.likely < model.sure < 1
    assert (model.knots[1:] > model.knots[:-1]).all()


def test_weights_for_other_features_are_refused() -> None:
    with pytest.raises(WeightsError):
        model_from({"version": "x", "pair": {"bias": 0}, "context": {"bias": 0}})
