"""The values that go into the matcher and come out of it.

They know neither Django nor the portal's models: a caller copies its rows into them.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

#: Called as ``progress(done, total)`` now and then; whatever it raises ends the work and reaches the caller.
Progress = Callable[[int, int], None]


class Tier(enum.StrEnum):
    """How far a suggestion may be trusted."""

    SURE = "sure"  # may be pre-ticked
    LIKELY = "likely"  # shown, wants a person's look
    AMBIGUOUS = "ambiguous"  # two or more companies fit equally well; the equals are the alternatives
    NONE = "none"  # nothing fits; the best rejected candidate, if any, is the first alternative


class Kind(enum.StrEnum):
    """On what an answer rests; which of them may be *sure* is measured (``docs/matching.md``)."""

    IDENTIFIER = "identifier"
    SAME_NAME_AND_CONTACT = "same name, and a contact agrees"
    SAME_NAME = "same name"
    SPELLING_AND_CONTACT = "same but for spelling, and a contact agrees"
    LETTERS_EXCHANGED = "same but for two letters exchanged"
    SPELLING = "same but for spelling"
    PART_AND_CONTACT = "part of the name, and a contact agrees"
    PART = "part of the name"


@dataclass(frozen=True, slots=True)
class Organization:
    """One customer as the portal knows it. Every text may be empty but the id.

    ``street`` (with its number) only tells whether two records of one list are the same customer.
    """

    id: str
    name: str
    domain: str = ""
    phone: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    street: str = ""


@dataclass(frozen=True, slots=True)
class Company:
    """One company of the PSA.

    ``number`` is the company or registration number the PSA holds (any text), ``tenant_id`` the id of its
    Microsoft tenant, where it is known.
    """

    id: str
    name: str
    web_address: str = ""
    phone: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    is_active: bool = True
    number: str = ""
    tenant_id: str = ""
    street: str = ""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another company that was weighed for the same organization."""

    company_id: str
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The answer for one organization.

    ``company_id`` is set only for *sure* and *likely*. For *ambiguous* and *none* the companies that were
    weighed are the ``alternatives``, best first. ``confidence`` is the calibrated chance, 0 to 1, that the
    best candidate (``company_id`` or else the first alternative) is the organization. ``reasons`` is never
    empty.
    """

    organization_id: str
    company_id: str | None
    confidence: float
    tier: Tier
    reasons: tuple[str, ...]
    alternatives: tuple[Alternative, ...] = ()
    kind: Kind = Kind.PART

    @property
    def is_suggested(self) -> bool:
        """Whether the company may be offered as the answer (sure or likely)."""
        return self.tier in (Tier.SURE, Tier.LIKELY)

    @property
    def best_candidate(self) -> str | None:
        """The suggested company, or else the one that came closest; None when nothing came near."""
        if self.company_id is not None:
            return self.company_id
        return self.alternatives[0].company_id if self.alternatives else None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What people and systems have already settled; it comes before any comparison of names.

    All keys are organization ids.

    - ``mapped``: existing mappings to company ids. They are kept, and both ends leave the search.
    - ``company_ids``: company ids that the organization's own record holds.
    - ``told_ids``: company ids that other tools told, each with the tool's name, which becomes the reason.
    - ``tenant_ids``: ids of Microsoft tenants the organization's record holds; compared with
      ``Company.tenant_id``.
    - ``numbers``: company numbers (or tax or registration numbers) the organization's record holds; compared
      with ``Company.number`` without regard to case, spaces and punctuation.

    An identifier says *which* company it is; the answer is *sure* where the names agree, else *likely*.

    - ``aliases``: names of companies that a person once accepted for the organization, in any instance.
    - ``rejected``: pairs (organization id, company id) a person has said no to.
    - ``rejected_names``: names of companies a person has said no to for the organization, so that the same
      company of another instance, which has another id there, is not proposed either.
    """

    mapped: Mapping[str, str] = field(default_factory=dict)
    company_ids: Mapping[str, str] = field(default_factory=dict)
    told_ids: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    tenant_ids: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rejected: frozenset[tuple[str, str]] = frozenset()
    rejected_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """How one name was read, step by step, for a person who asks why.

    ``steps`` are pairs (what was done, the text after it). ``words`` is the name that was compared;
    ``other_names`` are further names in the same text (after "dba", in brackets, after a dash).
    """

    original: str
    steps: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    legal_forms: tuple[str, ...]
    qualifiers: tuple[str, ...]
    other_names: tuple[str, ...]
    is_marked_inactive: bool
    domain: str
    phone: str
    postal_code: str
    city: str
    state: str


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """One word of the organization's name against its partner in the company's; an empty text has none."""

    organization_word: str
    company_word: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature adds to the score, in units of log-odds; negative speaks against the pair."""

    feature: str
    label: str
    value: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything behind the answer for one organization and one company."""

    organization_id: str
    company_id: str
    confidence: float
    tier: Tier
    verdict: str
    reasons: tuple[str, ...]
    organization: Reading
    company: Reading
    words: tuple[AlignedWord, ...]
    contributions: tuple[Contribution, ...]
    alternatives: tuple[Alternative, ...]
    kind: Kind
    in_favour: tuple[str, ...]  # up to three sentences with the records' own values
    against: tuple[str, ...]
    to_be_sure: str  # what would make it sure; empty when it is
