"""Say in plain words why two records are, or are not, the same customer."""

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise

from integrations.matching.features import FEATURES
from integrations.matching.names import Form, FormKind, ParsedName
from integrations.matching.rules import Rule, Strength, rules_for
from integrations.matching.tables import Record
from integrations.matching.vocabulary import Reals
from integrations.matching.words import fold

_COLUMN = {name: position for position, name in enumerate(FEATURES)}
_MOST_WORDS = 4
_WORD = re.compile(r"[^\W_]+")
_JOINERS = frozenset(["and", "the", "of"])

#: What a feature is called on the "why (not)?" page.
LABELS: dict[str, str] = {
    "alike": "words in common, by weight",
    "contradiction": "words on both sides without a partner",
    "omission": "words on one side only",
    "letters_alike": "letters in common",
    "number_conflict": "different numbers",
    "number_omitted": "a number on one side only",
    "initials_differ": "different initials",
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
    "second_names_differ": "two different second names",
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
    "letters_exchanged": "a known word with two letters exchanged",
    "written_apart": "a word of one side is two of the other's",
    "article_before_small": "an article before a small word on one side",
    "only_telling_word_swapped": "the only telling word is spelled differently",
    "only_light_words_shared": "only words that name no company are shared",
    "abbreviation_of_several": "a short form that stands for several words",
    "abbreviation_guessed": "a short form that may stand for another word",
    "legal_conflict": "different legal forms",
    "legal_same": "same legal form",
    "same_first_word": "same first word",
    "one_word": "a name of one word",
    "same_text": "written the same way",
    "neutral_omission": 'only words such as "group" are left out',
    "trade_omission": "only the word of a trade is left out",
    "structural_omission": "a word that names another body, trade or place is left out",
    "structural_and_more_omitted": "a word that names another body or trade is left out with a telling one",
    "joined_word_omitted": 'a word behind an "and" is left out',
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
    "score_high": "taken back from a very good pair",
    "score_low": "corrected for a poor pair",
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


def _listed(words: Sequence[str]) -> str:
    shown = ", ".join(f'"{word}"' for word in words[:_MOST_WORDS])
    return shown + ", ..." if len(words) > _MOST_WORDS else shown


def _against(ours: Sequence[str], theirs: Sequence[str]) -> str:
    """What stands on either side, or on one only."""
    if ours and theirs:
        return f"{_listed(ours)} / {_listed(theirs)}"
    return f"{_listed(ours or theirs)} on one side"


def _letters(text: str) -> str:
    """A text as written, without letter case, spaces and punctuation."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _legal_difference(ours: ParsedName, theirs: ParsedName) -> str:
    left, right = " ".join(ours.legal[:1]), " ".join(theirs.legal[:1])
    if left == right:
        return ""
    return (
        f'the legal form, "{left}" / "{right}"'
        if left and right
        else f'the legal form "{left or right}" on one side'
    )


def _as_written(name: ParsedName) -> list[str]:
    """The words of a name as written, in small letters, without its legal forms."""
    legal = {word for form in name.legal for word in form.split()}
    text = unicodedata.normalize("NFKC", html.unescape(name.text)).casefold()
    words = _WORD.findall(text.replace("'", "").replace("’", "").replace(".", "").replace("&", " and "))
    return [word for word in words if fold(word) not in legal]


def _differences(ours: ParsedName, theirs: ParsedName, left: Form, right: Form) -> list[str]:
    """Everything in which two names of the same words differ, each as a phrase behind "but for"."""
    found = []
    if difference := _legal_difference(ours, theirs):
        found.append(difference)
    written_ours, written_theirs = _as_written(ours), _as_written(theirs)
    added = {*left.qualifier, *right.qualifier}
    only_ours = [w for w in dict.fromkeys(written_ours) if w not in written_theirs and w not in added]
    only_theirs = [w for w in dict.fromkeys(written_theirs) if w not in written_ours and w not in added]
    if only_ours and "".join(only_ours) == "".join(only_theirs):
        found.append("spaces")
    elif only_ours or only_theirs:
        found.append(f"how it is written: {_against(only_ours, only_theirs)}")
    if sorted(left.words) == sorted(right.words) and left.words != right.words:
        found.append("the order of its words")
    return found


def _addition_notes(value: Mapping[str, float], left: Form, right: Form) -> list[str]:
    """What becomes of the additions in brackets or after a dash."""
    notes = []
    ours, theirs = list(left.qualifier), list(right.qualifier)
    if value["addition_conflict"]:
        notes.append(f"different additions: {_against(ours, theirs)}")
    elif value["addition_same"]:
        notes.append(f"same addition {_listed(ours)}")
    else:
        if left.kind is FormKind.HEAD and ours:
            notes.append(f"compared without {_listed(ours)} of the organization's name")
        if right.kind is FormKind.HEAD and theirs:
            notes.append(f"compared without {_listed(theirs)} of the company's name")
    if FormKind.TAIL in (left.kind, right.kind):
        notes.append("only what stands after a dash or in brackets is compared")
    return notes


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


def _initials_note(only_ours: list[str], only_theirs: list[str]) -> str:
    short, long = sorted((only_ours, only_theirs), key=len)
    if len(short) != 1 or len(long) < len(short):
        return "initials stand for the other's words"
    return f'"{short[0]}" may be the initials of "{" ".join(long)}"'


def _name_reasons(
    value: Mapping[str, float], ours: Record, theirs: Record, left: Form, right: Form
) -> list[str]:
    only_ours = [word for word in left.words if word not in right.words]
    only_theirs = [word for word in right.words if word not in left.words]
    swapped = value["known_word_swapped"] or value["ordinary_word_swapped"]
    all_matched = not (value["contradiction"] or value["omission"] or _left_out(value))
    if value["same_text"]:
        alike = _letters(ours.name.text) == _letters(theirs.name.text)
        return ["same name" if alike else "same name but for how its letters are written"]
    reasons: list[str] = []
    if value["same_words"]:
        differences = _differences(ours.name, theirs.name, left, right)
        whole = f"same name but for {'; '.join(differences)}"
        reasons.append(whole if differences else "same name but for its spaces, signs or additions")
    elif value["acronym"]:
        reasons.append(_initials_note(only_ours, only_theirs))
    elif all_matched and not swapped and (only_ours or only_theirs):
        what = (
            "spelling" if value["only_typos"] else "singular and plural" if value["inflected"] else "spelling"
        )
        reasons.append(f"same name but for {what}: {_against(only_ours, only_theirs)}")
    else:
        shared = [word for word in left.words if word in right.words]
        reasons.append(f"names share {_listed(shared)}" if shared else "names share no whole word")
        reasons.extend(_written_together(only_ours, only_theirs, left, right))
        if only_ours:
            reasons.append(f"only the organization has {_listed(only_ours)}")
        if only_theirs:
            reasons.append(f"only the company has {_listed(only_theirs)}")
    if value["second_name"]:
        reasons.append("compared by a second name")
    reasons.extend(_addition_notes(value, left, right))
    if value["addition_is_city"]:
        reasons.append("what one name adds is the other's city")
    if value["number_conflict"]:
        reasons.append("different numbers")
    if ours.name.is_marked_inactive:
        reasons.append("the organization's name carries a mark for one not in use")
    if swapped:
        reasons.append("two different known words, not a misspelling")
    elif value["attested_word_swapped"]:
        reasons.append("both spellings are a surname or a place")
    return reasons


def _left_out(value: Mapping[str, float]) -> bool:
    return any(
        value[name]
        for name in ("small_word_omitted", "edge_word_omitted", "body_word_omitted", "given_name_omitted")
    )


def _contact_reasons(value: Mapping[str, float], ours: Record, theirs: Record) -> list[str]:
    reasons: list[str] = []
    if value["domain_same"]:
        reasons.append(f"same domain {ours.contact.domain}")
    elif value["domain_different"]:
        reasons.append("domains differ")
    if value["domain_is_name"]:
        whole = value["domain_is_name"] >= 1
        reasons.append(
            "the domain is the other's name" if whole else "the domain begins like the other's name"
        )
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


class _Values(dict[str, float]):
    """The features of a pair that are not nought."""

    def __missing__(self, name: str) -> float:
        return 0.0


def pair_reasons(
    features: Sequence[float], ours: Record, theirs: Record, forms: tuple[Form, Form]
) -> tuple[str, ...]:
    """Reasons for one pair, the name first; never empty. ``forms``: the readings that were compared."""
    value = _Values((name, figure) for name, figure in zip(_COLUMN, features, strict=True) if figure)
    return (*_name_reasons(value, ours, theirs, *forms), *_contact_reasons(value, ours, theirs))


def two_names(ours: Record, theirs: Record) -> str:
    """That only the domain says that two records of other names belong together."""
    return (
        f"no other record has the domain {ours.contact.domain}; "
        f'the names differ: "{ours.name.text}" / "{theirs.name.text}"'
    )


def held_back(rule: Rule) -> str:
    """That a rule keeps a pair from being suggested, and what would let it be suggested."""
    return f"not suggested because {rule.because}; {rule.release} would let it be suggested"


def not_sure(features: Reals) -> tuple[str, ...]:
    """Why a pair may not be sure, as rules say it."""
    return tuple(rule.because for rule in rules_for(features) if rule.strength is Strength.DOUBTS)


def shared_contact(records: Sequence[Record]) -> str:
    """Which contact makes records of one list one company; empty when they may be several.

    They have the same words, a domain, telephone number or street stands on all and agrees, and nothing
    differs.
    """
    if len({tuple(sorted(record.name.forms[0].words)) for record in records}) > 1:
        return ""
    for name in ("domain", "phone", "postal_code", "city", "street"):
        if len({getattr(record.contact, name) for record in records} - {""}) > 1:
            return ""
    for name, label in (("domain", "domain"), ("phone", "telephone number"), ("street", "street")):
        if all(getattr(record.contact, name) for record in records):
            return label
    return ""


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
