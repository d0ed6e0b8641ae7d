"""Say in plain words why two records are, or are not, the same customer."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from integrations.matching.features import FEATURES
from integrations.matching.names import Form, ParsedName
from integrations.matching.tables import Record

_COLUMN = {name: position for position, name in enumerate(FEATURES)}
_MOST_WORDS = 4

#: What a feature is called on the "why (not)?" page.
LABELS: dict[str, str] = {
    "alike": "words in common, by weight",
    "contradiction": "words on both sides without a partner",
    "omission": "words on one side only",
    "letters_alike": "letters in common",
    "number_conflict": "different numbers",
    "number_omitted": "a number on one side only",
    "acronym": "one name is the initials of the other",
    "same_words": "same words",
    "repeated_word": "a word stands twice on one side only",
    "apostrophe_differs": "an apostrophe on one side only",
    "information": "how rare the shared words are",
    "exact_information": "how rare the words spelled alike are",
    "inexact_information": "how rare the words spelled differently are",
    "contradiction_weight": "how rare the contradicting words are",
    "heaviest_open": "the rarest word without a partner",
    "second_name": "matched by a second name (dba, formerly, ...)",
    "without_addition": "matched without what stands in brackets or after a dash",
    "addition_alone": "matched only by what stands after a dash",
    "addition_conflict": "different additions in brackets or after a dash",
    "addition_is_city": "the addition is the other's city",
    "addition_elsewhere": "the addition is another city than the other's",
    "addition_dropped": "an addition on one side only",
    "addition_same": "the same addition in brackets or after a dash",
    "small_word_omitted": "a small word inside one name is missing in the other",
    "edge_word_omitted": "a small word at the beginning or end is missing in the other",
    "body_word_omitted": "the kind or role of a public body is left out",
    "bodies_differ": "two kinds of public bodies",
    "given_name_omitted": "a given name is left out",
    "attested_word_swapped": "two different surnames or places",
    "only_telling_word_swapped": "the only telling word is spelled differently",
    "abbreviation_of_several": "a short form that stands for several words",
    "abbreviation_guessed": "a short form that may stand for another word",
    "legal_conflict": "different legal forms",
    "legal_same": "same legal form",
    "same_first_word": "same first word",
    "one_word": "a name of one word",
    "same_text": "written the same way",
    "neutral_omission": 'only words such as "group" are left out',
    "structural_omission": "a word that names another body, trade or place is left out",
    "trades_differ": "each holds the word of another trade",
    "first_word_omitted": "the first word is left out",
    "only_typos": "all words match but for spelling",
    "one_edit": "one letter apart",
    "two_edits": "two letters apart",
    "inflected": "singular against plural or possessive",
    "first_word_inflected": "first word singular against plural or possessive",
    "known_word_swapped": "two different known words",
    "ordinary_word_swapped": "two different ordinary words",
    "similarity_lost": "how far spellings differ",
    "worst_partner": "the least similar pair of words",
    "domain_same": "same domain",
    "domain_different": "different domains",
    "domain_is_name": "the domain is the other's name",
    "phone_same": "same telephone number",
    "phone_different": "different telephone numbers",
    "phone_near": "telephone numbers of one switchboard, or one mistyped",
    "postal_code_same": "same postal code",
    "postal_code_different": "different postal codes",
    "city_same": "same city",
    "city_different": "different cities",
    "state_different": "different states",
    "evidence_despite_name": "contact agrees although the names differ",
    "evidence_with_name": "contact agrees and so do the names",
    "place_with_name": "same city and same name",
    "all_contacts_different": "domain and telephone number both differ",
    "score": "the names and contacts taken alone",
    "score_high": "a very good pair",
    "score_low": "a poor pair",
    "ahead": "distance to the next company",
    "ahead_little": "distance to the next company (near)",
    "ahead_some": "distance to the next company (middle)",
    "company_ahead": "distance to the next organization for this company",
    "company_ahead_little": "distance to the next organization (near)",
    "ahead_of_free": "distance to the next company that is not another organization's",
    "mutual_best": "each is the other's best",
    "equal_rival": "another company fits equally well",
    "near_rival": "another company fits nearly as well",
    "organization_adds": "the organization's name holds a further word",
    "organization_adds_structural": "the organization's name holds a word for another body or trade",
    "company_adds_structural": "the company's name holds a word for another body or trade",
}


def best_forms(ours: ParsedName, theirs: ParsedName) -> tuple[Form | None, Form | None]:
    """The two readings with most words in common; the fuller ones of equals."""
    pairs = [(left, right) for left in ours.forms for right in theirs.forms]
    if not pairs:
        return (ours.forms[0] if ours.forms else None), (theirs.forms[0] if theirs.forms else None)

    def shared(pair: tuple[Form, Form]) -> tuple[float, int]:
        left, right = set(pair[0].words), set(pair[1].words)
        return 2 * len(left & right) / (len(left) + len(right)), -pair[0].kind - pair[1].kind

    return max(pairs, key=shared)


def _listed(words: Sequence[str]) -> str:
    shown = ", ".join(f'"{word}"' for word in words[:_MOST_WORDS])
    return shown + ", ..." if len(words) > _MOST_WORDS else shown


def _legal_note(ours: ParsedName, theirs: ParsedName) -> str:
    left, right = " ".join(ours.legal[:1]), " ".join(theirs.legal[:1])
    if left == right:
        return ""
    if left and right:
        return f'"{left}" against "{right}" not counted'
    return f'"{left or right}" on one side not counted'


def _written_together(only_ours: list[str], only_theirs: list[str], left: Form, right: Form) -> list[str]:
    """Reasons for words that one side writes as one and the other as two; takes them out of both lists."""
    reasons = []
    for single, several, form in ((only_ours, only_theirs, right), (only_theirs, only_ours, left)):
        for first, second in pairwise(form.words):
            if first in several and second in several and first + second in single:
                single.remove(first + second)
                several.remove(first)
                several.remove(second)
                reasons.append(f'"{first + second}" is "{first} {second}" written together')
    return reasons


def _name_reasons(value: Mapping[str, float], ours: Record, theirs: Record) -> list[str]:
    left, right = best_forms(ours.name, theirs.name)
    if left is None or right is None:
        return ["a name without letters or digits cannot be compared"]
    reasons: list[str] = []
    only_ours = [word for word in left.words if word not in right.words]
    only_theirs = [word for word in right.words if word not in left.words]
    swapped = value["known_word_swapped"] or value["ordinary_word_swapped"]
    if value["same_text"]:
        reasons.append("same name")
    elif value["same_words"]:
        spaced = bool(only_ours or only_theirs)
        reasons.append("same name but for spaces" if spaced else "same name")
        if note := _legal_note(ours.name, theirs.name):
            reasons.append(note)
    elif value["acronym"]:
        reasons.append("one name is the initials of the other")
    elif (value["only_typos"] or value["one_edit"]) and not swapped:
        reasons.append(f"same name but for spelling: {_listed(only_ours)} / {_listed(only_theirs)}")
    else:
        shared = [word for word in left.words if word in right.words]
        reasons.append(f"names share {_listed(shared)}" if shared else "names share no whole word")
        reasons.extend(_written_together(only_ours, only_theirs, left, right))
        if only_ours:
            reasons.append(f"only the organization has {_listed(only_ours)}")
        if only_theirs:
            reasons.append(f"only the company has {_listed(only_theirs)}")
    if value["second_name"]:
        reasons.append("matched by a second name")
    if value["addition_is_city"]:
        reasons.append("the addition is the other's city")
    if value["number_conflict"]:
        reasons.append("different numbers")
    if value["addition_conflict"]:
        reasons.append("different additions")
    if swapped:
        reasons.append("two different known words, not a misspelling")
    return reasons


def _contact_reasons(value: Mapping[str, float], ours: Record, theirs: Record) -> list[str]:
    reasons: list[str] = []
    if value["domain_same"]:
        reasons.append(f"same domain {ours.contact.domain}")
    elif value["domain_different"]:
        reasons.append("domains differ")
    if value["domain_is_name"]:
        reasons.append("the domain is the other's name")
    if value["phone_same"]:
        reasons.append("same telephone number")
    elif value["phone_different"]:
        near = " by a digit or extension only" if value["phone_near"] else ""
        reasons.append("telephone numbers differ" + near)
    if value["postal_code_same"]:
        reasons.append("same postal code")
    elif value["postal_code_different"]:
        reasons.append("postal codes differ")
    if value["city_same"] and not value["postal_code_same"]:
        reasons.append("same city")
    elif value["city_different"]:
        reasons.append("cities differ")
    return reasons


def pair_reasons(features: Sequence[float], ours: Record, theirs: Record) -> tuple[str, ...]:
    """Reasons for one pair, the name first; never empty."""
    value = {name: features[position] for name, position in _COLUMN.items()}
    return (*_name_reasons(value, ours, theirs), *_contact_reasons(value, ours, theirs))


def telling_apart(equals: Sequence[Record], organization: Record) -> str:
    """Which field would tell equally good companies apart."""
    fields = (
        ("domain", "domain"),
        ("phone", "telephone number"),
        ("postal_code", "postal code"),
        ("city", "city"),
    )
    useful = [
        label
        for name, label in fields
        if len({getattr(record.contact, name) for record in equals}) > 1
        and not getattr(organization.contact, name)
    ]
    if not useful:
        return "nothing in their records tells them apart"
    return f"the organization's {' or '.join(useful)} would tell them apart"
