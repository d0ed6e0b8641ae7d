"""The features of pairs by name, and what rules and tiers ask of several of them."""

from functools import cached_property

import numpy as np

from integrations.matching.features import FEATURES
from integrations.matching.vocabulary import Flags, Reals

#: ``domain_same`` of a domain that one record of each list holds is 1, that of a shared one at most .71.
ALMOST_OWN = 0.8
#: ``heaviest_open`` from which an unmatched word tells more than "group" or "center" does.
TELLING_WORD = 0.3
#: ``information`` of one word that eight names in a thousand hold.
LITTLE_INFORMATION = 0.2
PLACES_DIFFERENT = ("postal_code_different", "city_different", "state_different")
CONTACTS_DIFFERENT = ("domain_different", "phone_different", *PLACES_DIFFERENT)

_FEATURE = {name: position for position, name in enumerate(FEATURES)}


class View:
    """P pairs of features with names, and what several rules ask of them."""

    def __init__(self, features: Reals) -> None:
        self._columns = np.ascontiguousarray(features.T)

    def some(self, *names: str) -> Flags:
        """Pairs with any of the features above nought."""
        found: Flags = np.greater(self._columns[_FEATURE[names[0]]], 0.0)
        for name in names[1:]:
            found = np.logical_or(found, self._columns[_FEATURE[name]] > 0)
        return found

    def above(self, name: str, least: float) -> Flags:
        """Pairs with the feature above a value."""
        found: Flags = np.greater(self._columns[_FEATURE[name]], least)
        return found

    @cached_property
    def contact(self) -> Flags:
        """A domain or telephone number agrees."""
        return self.some("domain_same", "phone_same")

    @cached_property
    def own_contact(self) -> Flags:
        """A domain or telephone number agrees that no other record of either list holds."""
        return self.above("domain_same", ALMOST_OWN) | self.above("phone_same", ALMOST_OWN)

    @cached_property
    def supported(self) -> Flags:
        """A contact agrees, or the domain is the other's name."""
        return self.contact | self.some("domain_is_name")

    @cached_property
    def contradicted(self) -> Flags:
        """A contact differs and neither domain nor telephone number agrees."""
        differs = self.some("domain_different", *PLACES_DIFFERENT)
        differs |= self.some("phone_different") & ~self.some("phone_near")
        return differs & ~self.contact

    @cached_property
    def shared_domain(self) -> Flags:
        """The domain agrees, but several records hold it."""
        return self.some("domain_same") & ~self.above("domain_same", ALMOST_OWN)

    @cached_property
    def adds(self) -> Flags:
        """One side has a telling word that the other lacks."""
        return self.above("heaviest_open", TELLING_WORD)

    @cached_property
    def hardly_named(self) -> Flags:
        """One ordinary or short word in common, and no contact: the name hardly tells anything."""
        return ~self.above("information", LITTLE_INFORMATION) & ~self.contact
