"""What the demo's invented businesses are made of: places, people, trades and streets.

The places are real, and each keeps its own telephone area code and postcodes, so that addresses agree with
themselves. Everything that would name a business is invented; telephone numbers lie in the exchange 555,
which reaches nobody.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A town with its area code and some of its postcodes."""

    city: str
    state: str
    area_code: str
    postal_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sector:
    """A line of business: what its firms call themselves, and which legal forms they take.

    ``person_trades`` follow a surname ("Brandt Roofing"), ``place_trades`` a place or a landscape word
    ("Red Maple Veterinary Clinic"); ``partners`` close a list of surnames ("Kessler, Dunn & Ott CPAs").
    ``weight`` is how common the line is among an MSP's customers.
    """

    name: str
    weight: int
    person_trades: tuple[str, ...]
    place_trades: tuple[str, ...]
    partners: tuple[str, ...] = ()
    legal_forms: tuple[str, ...] = ("LLC", "Inc.", "Inc", "Co.", "L.L.C.")
    top_levels: tuple[str, ...] = ("com", "com", "com", "com", "net", "us")


def _words(text: str) -> tuple[str, ...]:
    """The words of a text; an underscore stands for a blank inside one."""
    return tuple(word.replace("_", " ") for word in text.split())


def _places(state: str, *lines: str) -> tuple[Place, ...]:
    """Places of a state from lines "City area-code postcode postcode ..."."""
    places = []
    for line in lines:
        city, area_code, postal_codes = line.split("|")
        places.append(Place(city, state, area_code, tuple(postal_codes.split())))
    return tuple(places)


MAIN_PLACES = (
    *_places(
        "OH",
        "Columbus|614|43201 43204 43206 43212 43214 43215 43219 43229",
        "Dublin|614|43016 43017",
        "Westerville|614|43081 43082",
        "Grove City|614|43123",
        "Hilliard|614|43026",
        "Newark|740|43055",
        "Lancaster|740|43130",
        "Zanesville|740|43701",
        "Delaware|740|43015",
        "Marion|740|43302",
        "Chillicothe|740|45601",
        "Athens|740|45701",
        "Mansfield|419|44902 44903",
        "Findlay|419|45840",
        "Lima|419|45801",
        "Toledo|419|43604 43606 43614",
        "Dayton|937|45402 45409 45414",
        "Springfield|937|45502 45503",
        "Cincinnati|513|45202 45209 45236 45242",
        "Hamilton|513|45011",
        "Middletown|513|45042",
        "Akron|330|44308 44311 44333",
        "Canton|330|44702 44718",
        "Cleveland|216|44113 44114 44115",
    ),
    *_places("KY", "Covington|859|41011", "Lexington|859|40502 40507 40511", "Louisville|502|40202 40207"),
    *_places(
        "IN", "Indianapolis|317|46204 46240 46250", "Fort Wayne|260|46802 46804 46825", "Muncie|765|47303"
    ),
    *_places("MI", "Ann Arbor|734|48104 48108", "Monroe|734|48161"),
    *_places("WV", "Charleston|304|25301", "Huntington|304|25701", "Parkersburg|304|26101"),
)
ACQUIRED_PLACES = (
    *_places(
        "PA",
        "Pittsburgh|412|15219 15222 15237",
        "Erie|814|16501 16506",
        "Johnstown|814|15901 15904",
        "Greensburg|724|15601",
        "Butler|724|16001",
        "Washington|724|15301",
        "New Castle|724|16101",
    ),
    *_places("OH", "Youngstown|330|44503 44512", "Steubenville|740|43952"),
    *_places("WV", "Wheeling|304|26003", "Morgantown|304|26501 26505"),
)

SURNAMES = _words(
    """
    Abernathy Achterberg Alcott Amstutz Applegarth Ashworth Bardwell Barringer Baumgartner Beachy
    Bellweather Bergstrom Birkhead Blankenship Boggs Bontrager Bosworth Brandt Brubaker Bryce Buckwalter
    Burkholder Calloway Castellano Chadbourne Claypool Colburn Corrigan Crabtree Cutright Dabrowski
    Darnell Deardorff Delacroix Detweiler Dillard Dombrowski Dunmore Eastlake Eberhardt Ellsworth Esposito
    Fairbairn Farquhar Fenwick Fiorello Flanagan Frankhouser Freudenberg Gallentine Garrity Gerhardt
    Gingerich Goodpaster Grabowski Greathouse Haldeman Halloran Hammersmith Harbaugh Hathaway Heffelfinger
    Hennessy Hershberger Hochstetler Holloway Hostetler Imhoff Ingersoll Jankowski Jessup Kaminski
    Kauffman Kessler Kilbane Kirkbride Klingensmith Knepper Kowalczyk Krebs Lachapelle Lambright Langstaff
    Lattimore Leatherman Leffingwell Lindqvist Lockhart Longenecker Lundgren MacAllister Maddox Mancuso
    Marchetti Marlowe Mastin McAfoos McBride McClintock McElroy Medford Merriweather Mihalik Montague
    Mosbacher Mulvaney Nesbitt Neuhauser Nickerson Novotny O'Connell O'Dell O'Leary Oberlin Offenbacher
    Oglesby Ostrander Overholt Pankratz Peachey Pemberton Penhallow Pennington Petrakis Pfeiffer Pickering
    Podolski Prendergast Prybylski Quackenbush Quillin Ramseyer Rathbone Reinhart Ridenour Rittenhouse
    Rohrbaugh Rosenthal Ruckman Rutherford Sadowski Santangelo Sauder Schlabach Schoenberg Schumacher
    Seibert Shoemaker Sigafoos Slagle Snavely Sokolowski Spangler Stahlman Stallsmith Steinmetz Stoltzfus
    Strickland Swartzentruber Szymanski Tannehill Tedesco Thackeray Throckmorton Tolliver Trautman Troyer
    Underwood Van_Buren Vandermeer Vickers Vollmer Wachowski Wadsworth Waltermire Weatherby Weidner
    Westbrook Whitacre Wickersham Wiedemann Winegardner Wojcik Wolcott Woodruff Wuerstl Yarborough Yoder
    Zagorski Zeigler Zimmerly Núñez Peña Müller Lévesque
    """
)

FIRST_NAMES = _words(
    """
    Aaron Alice Andrew Angela Benjamin Carla Catherine Daniel Deborah Diane Edward Elaine Frank Gail
    George Grace Gregory Harold Helen Ian Jack Janet Jason Joan Karen Keith Laura Leonard Linda Marcus
    Maria Martin Nancy Neil Olivia Patrick Paula Peter Rachel Raymond Rita Robert Ruth Samuel Sandra
    Stephen Susan Theresa Victor Wendy
    """
)

# Stand before a trade as a place does; none of them is a town.
LANDSCAPES = _words(
    """
    Amber_Ridge Ash_Hollow Blue_Heron Bluestem Bridgeview Brookstone Buckhorn Canal_Street Cardinal_Point
    Cedar_Bend Chestnut_Hill Clearfork Copper_Creek Crooked_River Deer_Lick Eagle_Rock Eastgate Elm_Grove
    Fallen_Timber Five_Points Flatiron Fox_Run Gravel_Pit Gray_Fox Great_Bend Greenbrook Harvest_Lane
    Hickory_Grove High_Street Honey_Locust Ironwood Iron_Gate Juniper Keystone_Hill Kingfisher Lakeview
    Licking_Valley Limestone Lower_Falls Maple_Leaf Market_Square Meadowlark Mill_Creek Millrace
    Mohican_Trail Narrow_Gauge North_Fork North_Side Northpoint Oak_Knoll Old_Mill Orchard_Park
    Packard_Place Paper_Mill Pine_Bluff Plum_Run Prairie_View Quarry_Road Quiet_Harbor Rattlesnake_Ridge
    Red_Maple River_Bend Riverside Rocky_Fork Rolling_Acres Rose_Hill Salt_Fork Scioto_Bend Shady_Lane
    Shagbark Silver_Birch South_Branch Spring_Garden Stillwater Stone_Arch Sugar_Creek Summit Sunny_Side
    Sycamore Tall_Timbers Third_Street Three_Oaks Timber_Ridge Trillium Tuscarawas_Valley Twin_Creeks
    Union_Square Upper_Valley Vine_Street Walnut_Grove Waterworks West_End White_Oak Whitetail Wildwood
    Willow_Brook Windmill Woodland Yellow_Bud
    """
)

STREETS = _words(
    """
    Main High Market Broad Church Mill Walnut Chestnut Spring Maple Elm Park Washington Liberty Front
    Water Bridge Canal Depot Locust Vine Union Franklin Jefferson Cherry Industrial Commerce Enterprise
    Corporate
    """
)
STREET_KINDS = ("St", "Ave", "Rd", "Blvd", "Dr", "Pkwy", "Ct", "Ln")

SECTORS = (
    Sector(
        "health",
        16,
        ("Family Dentistry", "Dental", "Eye Care", "Chiropractic", "Orthodontics", "Pediatrics", "Podiatry"),
        ("Family Dental", "Physical Therapy", "Veterinary Clinic", "Pharmacy", "Urgent Care", "Dermatology"),
        ("Orthopedic Associates", "Oral Surgery"),
        ("LLC", "Inc.", "PC", "P.C.", "PLLC"),
    ),
    Sector(
        "law and accounting",
        12,
        ("Law Office", "Tax Service", "Bookkeeping", "Law Firm", "Financial Planning"),
        ("Title Agency", "Wealth Management", "Payroll Services", "Insurance Agency"),
        ("CPAs", "Attorneys at Law", "Law", "& Associates", "Certified Public Accountants"),
        ("LLC", "LLP", "L.L.P.", "PC", "Co., L.P.A.", "Ltd."),
    ),
    Sector(
        "building",
        15,
        ("Plumbing", "Roofing", "Heating & Cooling", "Electric", "Excavating", "Construction", "Masonry"),
        ("Builders", "Landscaping", "Concrete", "Paving", "Home Improvement", "Fence Company"),
        ("Architects", "Engineering", "Contractors"),
        ("LLC", "Inc.", "Inc", "Co.", "Corp.", "Company"),
    ),
    Sector(
        "manufacturing",
        12,
        ("Machine & Tool", "Manufacturing", "Welding", "Plastics", "Foundry", "Precision Products"),
        ("Manufacturing", "Metal Works", "Packaging", "Die Casting", "Pattern Works", "Coatings"),
        (),
        ("Inc.", "Inc", "Corp.", "Corporation", "LLC", "Company", "International, Inc."),
    ),
    Sector(
        "trade",
        12,
        ("Auto Repair", "Auto Parts", "Hardware", "Furniture", "Jewelers", "Tire & Auto", "Nurseries"),
        ("Garden Center", "Auto Sales", "Sporting Goods", "Supply", "Feed & Grain", "Collision Center"),
        (),
        ("LLC", "Inc.", "Inc", "Co.", "Company"),
    ),
    Sector(
        "transport and property",
        9,
        ("Trucking", "Realty", "Properties", "Moving & Storage", "Property Management"),
        ("Logistics", "Freight Lines", "Realty Group", "Self Storage", "Warehousing"),
        (),
        ("LLC", "Inc.", "Ltd.", "Holdings LLC", "Group LLC"),
    ),
    Sector(
        "public and non-profit",
        12,
        ("Memorial Library", "Family Foundation", "Charitable Trust"),
        (
            "Community Church",
            "Christian School",
            "Township",
            "Water District",
            "Food Pantry",
            "Senior Center",
            "Montessori School",
            "Historical Society",
            "Credit Union",
        ),
        (),
        ("", "", "", "Inc."),
        ("org", "org", "org", "com", "us"),
    ),
    Sector(
        "services",
        12,
        ("Funeral Home", "Catering", "Photography", "Staffing", "Pest Control", "Cleaning Services"),
        ("Brewing Company", "Country Club", "Animal Hospital", "Travel Services", "Coffee Roasters", "Inn"),
        ("Consulting", "Marketing Group"),
        ("LLC", "Inc.", "Inc", "L.L.C.", "Co."),
    ),
)

# Vendors are composed, so that no supplier of the real trade is named.
VENDOR_STEMS = _words(
    """
    Argonel Bastrion Cindervault Corvanta Daltrex Elmspire Fathomite Gridlarke Halvern Ivorel Jastern
    Kettlewave Lumivar Mastonet Nordeva Orbisyl Pallisade Quorvane Ridgenet Stratwell Tessarow Umbraline
    Velstra Wyndcore Xerolith Yarrowtel Zephyrant
    """
)
VENDOR_TRADES = (
    "Cloud Backup",
    "Distribution",
    "Fiber",
    "Voice",
    "Endpoint Security",
    "Email Filtering",
    "Licensing",
    "Print Solutions",
    "Power & UPS",
    "Structured Cabling",
    "Remote Monitoring",
    "Telecom",
    "Hosting",
    "Web Design",
    "Shredding",
)
VENDOR_FORMS = ("Inc.", "LLC", "Corp.", "Ltd.", "USA Inc.", "")

# Companies whose name is a note to oneself: every PSA has some.
HOUSEKEEPING_NAMES = (
    "TEST - please ignore",
    "Test Company 2",
    "New Customer Template (DO NOT USE)",
    "Unknown Caller",
    "zz_Cash Sales",
    "_Internal - Lab",
    "Misc. Walk-in Customers",
    "Sales Tax Dummy",
    "=== OLD ACCOUNTS BELOW ===",
    "Residential <no company>",
)

ABBREVIATIONS = {
    "Manufacturing": "Mfg",
    "Services": "Svcs",
    "Service": "Svc",
    "Associates": "Assoc",
    "Center": "Ctr",
    "Company": "Co",
    "Construction": "Constr",
    "Management": "Mgmt",
    "Engineering": "Engr",
    "International": "Intl",
    "Property": "Prop",
    "Properties": "Props",
    "Insurance": "Ins",
    "Agency": "Agy",
    "Veterinary": "Vet",
    "Heating": "Htg",
    "Cooling": "Clg",
    "Electric": "Elec",
    "Physical": "Phys",
    "Community": "Comm",
    "Certified": "Cert",
    "Accountants": "Accts",
    "Group": "Grp",
    "Supply": "Sply",
    "Products": "Prods",
    "District": "Dist",
}
