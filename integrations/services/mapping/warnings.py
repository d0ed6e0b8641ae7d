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
    "shared": (
        "Two or more organizations share one company. That is right for branches of one customer. If it "
        "is one customer twice, merge the two on the page of either; otherwise choose the proper company."
    ),
    "twin": (
        "Autotask has another company of the same name. Make sure that the one with the tickets and "
        "contracts is mapped, then merge or rename the other one in Autotask."
    ),
}
