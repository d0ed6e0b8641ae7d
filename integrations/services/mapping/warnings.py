"""What can be wrong with a mapping, in words: the name of each warning, and what to do about it."""

from __future__ import annotations

from integrations.models.review_reasons import ReviewReason

WARNING_LABELS: dict[str, str] = {
    **{reason.warning: str(reason.label) for reason in ReviewReason},
    "shared": "Several organizations on one company",
    "twin": "Company twice in Autotask",
}

NEXT_STEPS = {
    "gone": (
        "Autotask no longer returns the company: it was deleted, merged, or hidden from the API user. "
        "Choose its successor, or clear the mapping."
    ),
    "inactive": (
        "Somebody made the company inactive in Autotask. If the customer has left, clear the mapping; "
        "otherwise make the company active there, or choose the one that took its place."
    ),
    "outside": (
        "The company filter leaves the company out, for example because it is of another type now. "
        "Correct the type in Autotask, widen the filter, or choose another company."
    ),
    "renamed": (
        "The company was renamed in Autotask since it was mapped. Open the review: keep it if it is still "
        "the same customer, or choose another one."
    ),
    "retyped": (
        "The company is of another type in Autotask since it was mapped. Keep it if it is still the same "
        "customer; correct the type there if it was changed by mistake."
    ),
    "readdressed": (
        "The company has another web address in Autotask since it was mapped, as after a take-over or a "
        "merger. Keep it if it is still the same customer, or choose another one."
    ),
    "twinned": (
        "A second company of the same name appeared in Autotask since it was mapped. Make sure that the one "
        "with the tickets and contracts is mapped; keep it if it is."
    ),
    "better": (
        "Since it was mapped, a company appeared that the matcher finds surer than the mapped one. Compare "
        "the two: keep the mapped one, or remap."
    ),
    "joined": (
        "Another organization was mapped to the same company since. That is right for branches of one "
        "customer: keep it then. Otherwise choose the proper company for one of the two."
    ),
    "organization_renamed": (
        "Our organization was renamed since it was mapped. Keep the company if it is still the same "
        "customer, or choose another one."
    ),
    "organization_inactive": (
        "Our organization was made inactive since it was mapped. Unmap it if the customer has left; "
        "keep it as long as other tools still ask for it."
    ),
    "organization_readdressed": (
        "Our organization has another domain since it was mapped. Keep the company if it is still the same "
        "customer, or choose another one."
    ),
    "shared": (
        "Two or more organizations share one company. That is right for branches of one customer. If it "
        "is one customer twice, merge the two on the page of either; otherwise choose the proper company."
    ),
    "twin": (
        "Autotask has another company of the same name. Make sure that the one with the tickets and "
        "contracts is mapped, then merge or rename the other one in Autotask."
    ),
}
