"""The matcher's specification by example: pairs of invented names, what must come of them, and why.

Every pair is put into a small tenant of other companies (``BACKGROUND``). The verdicts:

- SURE: suggested and pre-ticked
- SAME: suggested, sure or likely
- OPEN: not pre-ticked; a person looks (likely, ambiguous or none)
- DIFFERENT: not suggested
"""

from dataclasses import dataclass, field

SURE, SAME, OPEN, DIFFERENT = "sure", "same", "open", "different"

BACKGROUND = [
    "Ambleside Orthodontics",
    "Brackenfield Timber Ltd",
    "Copperline Brewing Co",
    "Dunholt & Pryce Solicitors",
    "Elmstead Nursery School",
    "Fairlight Opticians",
    "Garrowby Haulage",
    "Hexworth Ceramics LLC",
    "Inkwell Print Studio",
    "Jasperton Dairy",
    "Kettlebrook Veterinary Surgery",
    "Lowmoor Steel Inc",
    "Marchwood Sailing Club",
    "Netherby Wealth Partners",
    "Oxcombe Gravel",
    "Pennyfarthing Bicycles",
    "Quarrington Foods",
    "Redmire Capital",
    "Saltergate Dental",
    "Thornwick Law Group",
    "Ullerby Pharmacy",
    "Vexley Robotics",
    "Westerdale Plumbing",
    "Yarrowby Care Home",
    "Zephyr Ridge Wines",
    "Harlow Vale Insurance",
    "Stonebeck Accounting",
    "Millrace Furniture",
    "Cranmoor Electric",
    "Larkhill Construction",
    "Birchover Farms",
    "Tidewell Security Services",
    "Oakhanger Logistics",
    "Swinbrook Consulting",
    "Penhallow Properties",
    "Northwold Community Trust",
    "Castlemere Housing Association",
    "Greyfriars Medical Center",
]


@dataclass(frozen=True)
class Case:
    """One pair and its verdict. ``ours`` and ``theirs`` hold further fields of the two records."""

    organization: str
    company: str
    verdict: str
    why: str
    ours: dict[str, str] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)


def _cases(verdict: str, *rows: tuple[str, str, str]) -> list[Case]:
    return [Case(ours, theirs, verdict, why) for ours, theirs, why in rows]


LEGAL_FORMS = _cases(
    SURE,
    ("Tarnbrook Joinery", "Tarnbrook Joinery, LLC", "a legal form on one side does not count"),
    ("Tarnbrook Joinery Inc", "Tarnbrook Joinery, Incorporated", "short and long legal form are one"),
    ("Tarnbrook Joinery Limited", "Tarnbrook Joinery Ltd.", "limited is ltd"),
    ("Tarnbrook Joinery Ltd", "Tarnbrook Joinery LLC", "people write the wrong legal form"),
    ("Tarnbrook Joinery Pty Limited", "Tarnbrook Joinery", "an Australian form has two words"),
    ("Tarnbrook Joinery Pty. Ltd.", "Tarnbrook Joinery Proprietary Limited", "and is spelled out at times"),
    ("Tarnbrook Joinery GmbH & Co. KG", "Tarnbrook Joinery GmbH", "a German form may have four words"),
    ("Tarnbrook Joinery S.A.", "Tarnbrook Joinery SA", "dots in a legal form do not count"),
    ("Tarnbrook Joinery S.p.A.", "Tarnbrook Joinery", "an Italian form"),
    ("Tarnbrook Joinery B.V.", "Tarnbrook Joinery bv", "a Dutch form"),
    ("Tarnbrook Joinery Sp. z o.o.", "Tarnbrook Joinery", "a Polish form of four pieces"),
    ("Tarnbrook Joinery S.A. de C.V.", "Tarnbrook Joinery", "a Mexican form of five words"),
    ("Tarnbrook Joinery Sdn Bhd", "Tarnbrook Joinery", "a Malaysian form"),
    ("Tarnbrook Joinery Pte Ltd", "Tarnbrook Joinery", "a form of Singapore"),
    ("Tarnbrook Joinery Oy", "Tarnbrook Joinery", "a Finnish form"),
    ("Tarnbrook Joinery A/S", "Tarnbrook Joinery", "a Danish form with a slash"),
    ("Tarnbrook Joinery P.C.", "Tarnbrook Joinery PC", "a professional corporation"),
    ("Tarnbrook Joinery, P.L.L.C.", "Tarnbrook Joinery", "a professional limited liability company"),
    ("Tarnbrook Joinery Company", "Tarnbrook Joinery Co.", "company is co"),
    ("Tarnbrook Joinery and Company", "Tarnbrook Joinery", "and company is a form too"),
    ("The Tarnbrook Joinery Company", "Tarnbrook Joinery", "the article goes as well"),
    ("Tarnbrook Joinery LLC Leeds", "Tarnbrook Joinery Leeds", "a form in the middle of a name"),
    ("Tarnbrook Joinery (Pty) Ltd", "Tarnbrook Joinery", "a form in brackets"),
    ("Tarnbrook Joinery S.A.C.I.F. y A.", "Tarnbrook Joinery", "an Argentine form of seven pieces"),
    ("Tarnbrook Banking Corporation of Ohio", "Tarnbrook Banking Corp of Ohio", "amid a name"),
    ("Tarnbrook Joinery Limited Liability Company", "Tarnbrook Joinery LLC", "written out in full"),
)

WRITING = _cases(
    SURE,
    ("Tarnbrook Joinery", "TARNBROOK JOINERY", "capitals do not count"),
    ("tarnbrook joinery", "Tarnbrook Joinery", "nor does lower case"),
    ("Tarnbrook  Joinery ", "Tarnbrook Joinery", "nor do spaces"),
    ("Tarnbrook-Joinery", "Tarnbrook Joinery", "nor hyphens"),
    ("Tarnbrook, Joinery", "Tarnbrook Joinery", "nor commas"),
    ("Wrenford & Holt Masonry", "Wrenford and Holt Masonry", "& is and"),
    ("Wrenford + Holt Masonry", "Wrenford & Holt Masonry", "+ is and"),
    ("Wrenford&Holt Masonry", "Wrenford & Holt Masonry", "with or without spaces"),
    ("J & K Wrenford", "JK Wrenford", "initials joined"),
    ("J.K. Wrenford Masonry", "JK Wrenford Masonry", "initials with dots"),
    ("Q.R.S. Masonry", "QRS Masonry", "dotted acronym"),
    ("Q R S Masonry", "QRS Masonry", "spaced acronym"),
    ("Wrenford's Masonry", "Wrenfords Masonry", "an apostrophe does not count"),
    ("Wrenford’s Masonry", "Wrenford's Masonry", "nor does its shape"),
    ("Zürnbach Optik", "Zurnbach Optik", "an umlaut may be lost"),
    ("Crémerie Valdoux", "Cremerie Valdoux", "and so may an accent"),
    ("Søndervig Maritime", "Sondervig Maritime", "and a Danish letter"),
    ("Łazienka Wrocna", "Lazienka Wrocna", "and a Polish one"),
    ("Strauß Feinkost", "Strauss Feinkost", "ß is ss"),
    ("Ｔａｒｎｂｒｏｏｋ Joinery", "Tarnbrook Joinery", "full-width letters"),
    ("TarnbrookJoinery", "Tarnbrook Joinery", "two words written together"),
    ("Tarn Brook Joinery", "Tarnbrook Joinery", "one word written apart"),
    ("Joinery Tarnbrook", "Tarnbrook Joinery", "words in another order"),
    ("Wrenford, Adelheid", "Adelheid Wrenford", "family name first"),
    ("Tarnbrook Joinery, The", "The Tarnbrook Joinery", "a trailing article"),
    ("Tarnbrook Joinery - Tarnbrook Joinery", "Tarnbrook Joinery", "a name written twice is the name"),
    ("Tarnbrook?s Joinery", "Tarnbrook's Joinery", "an apostrophe that another program lost"),
    ("J & J Wrenford Masonry", "JJ Wrenford Masonry", "initials joined by &"),
    ("A-B-C Tarnbrook", "ABC Tarnbrook", "initials joined by hyphens"),
    ("BurTarn Masonry", "Burtarn Masonry", "a capital inside a word does not part it for everybody"),
)

ABBREVIATIONS = _cases(
    SURE,
    ("Tarnbrook Mfg", "Tarnbrook Manufacturing", "mfg"),
    ("Tarnbrook Svcs", "Tarnbrook Services", "svcs"),
    ("Tarnbrook Intl", "Tarnbrook International", "intl"),
    ("Tarnbrook Mgmt", "Tarnbrook Management", "mgmt"),
    ("Tarnbrook Engr", "Tarnbrook Engineering", "engr"),
    ("Tarnbrook Assoc", "Tarnbrook Associates", "assoc"),
    ("Tarnbrook Constr", "Tarnbrook Construction", "constr"),
    ("Tarnbrook Bros Masonry", "Tarnbrook Brothers Masonry", "bros"),
    ("St Wendreda Clinic", "Saint Wendreda Clinic", "st at the start is saint"),
    ("Mt Harrow Masonry", "Mount Harrow Masonry", "mt is mount"),
    ("Univ of Tarnbrook", "University of Tarnbrook", "univ"),
    ("Tarnbrook Dept of Ports", "Tarnbrook Department of Ports", "dept"),
    ("Tarnbrook Ctr", "Tarnbrook Centre", "ctr is centre is center"),
    ("First Tarnbrook Masonry", "1st Tarnbrook Masonry", "first is 1st"),
    ("Two Herons Masonry", "2 Herons Masonry", "two is 2"),
    ("Tarnbrook Masonry II", "Tarnbrook Masonry 2", "II at the end is 2"),
    ("Tarnbrook Water of NM", "Tarnbrook Water of New Mexico", "NM is New Mexico"),
    ("Water Company of Tarnbrook", "Water Co of Tarnbrook", '"co" is company inside a name too'),
    ("Tarnbrook Util", "Tarnbrook Utility", "util"),
)

MISSPELLINGS = _cases(
    SAME,
    ("Tarnbrok Joinery", "Tarnbrook Joinery", "a letter is missing"),
    ("Tarnbroook Joinery", "Tarnbrook Joinery", "a letter is doubled"),
    ("Tranbrook Joinery", "Tarnbrook Joinery", "two letters changed places"),
    ("Tarnbrook Jionery", "Tarnbrook Joinery", "also in the trade"),
    ("Tarnbrook Masnory", "Tarnbrook Masonry", "two letters changed places in a long word"),
    ("Kettleshulme Enginering", "Kettleshulme Engineering", "a letter lost in a common word"),
    ("Quillfeather Dentl Studio", "Quillfeather Dental Studio", "a vowel lost"),
    ("Thistlewick Landscapng", "Thistlewick Landscaping", "a letter lost near the end"),
    ("Thistlewick Bross Masonry", "Thistlewick Bros Masonry", "a misspelt abbreviation"),
    ("Thistlewick Masonry Servicn", "Thistlewick Masonry Service", "a misspelling of one of two spellings"),
)

MARKS = _cases(
    SURE,
    ("[Client] Tarnbrook Joinery", "Tarnbrook Joinery", "a decoration in brackets"),
    ("Tarnbrook Joinery (Prospect)", "Tarnbrook Joinery", "a decoration at the end"),
    ("Client: Tarnbrook Joinery", "Tarnbrook Joinery", "a decoration before a colon"),
    ("Tarnbrook Joinery - VIP", "Tarnbrook Joinery", "a decoration after a dash"),
    ("*Tarnbrook Joinery", "Tarnbrook Joinery", "a star"),
    ("TAR001 - Tarnbrook Joinery", "Tarnbrook Joinery", "a client code before the name"),
    ("Tarnbrook Joinery [4711]", "Tarnbrook Joinery", "a client number in brackets"),
    ("Tarnbrook Joinery #333038", "Tarnbrook Joinery", "a client number after #"),
    ("10443 - Tarnbrook Joinery", "Tarnbrook Joinery", "a client number before the name"),
)

INACTIVE = _cases(
    DIFFERENT,
    ("Tarnbrook Joinery", "Tarnbrook Joinery (do not use)", "do not use"),
    ("Tarnbrook Joinery", "DO NOT USE - Tarnbrook Joinery", "do not use in front"),
    ("Tarnbrook Joinery", "zz Tarnbrook Joinery", "zz sorts a company to the end of the list"),
    ("Tarnbrook Joinery", "ZZZ_Tarnbrook Joinery", "with an underscore too"),
    ("Tarnbrook Joinery", "xx Tarnbrook Joinery", "xx as well"),
    ("Tarnbrook Joinery", "Tarnbrook Joinery - INACTIVE", "inactive"),
    ("Tarnbrook Joinery", "Tarnbrook Joinery (OLD)", "old in brackets"),
    ("Tarnbrook Joinery", "Tarnbrook Joinery - closed 2019", "closed with a year"),
    ("Tarnbrook Joinery", "Tarnbrook Joinery (duplicate)", "a duplicate"),
    ("Tarnbrook Joinery", "Tarnbrook Joinery DNU", "the abbreviation"),
    ("Tarnbrook Joinery", "Tarnbrook Joinery - Terminated", "terminated"),
    ("Tarnbrook Joinery", "[Former Client] Tarnbrook Joinery", "a former client"),
)

ORDINARY_WORDS = _cases(
    SURE,
    ("Old Town Grill", "Old Town Grill LLC", '"old" is a mark only where it stands apart'),
    ("Old Tarnbrook Grill", "Old Tarnbrook Grill Inc", '"old" at the start belongs to the name'),
    ("Paradise Lost Books", "Paradise Lost Books LLC", '"lost" inside belongs to the name'),
    ("Closed Loop Tarnbrook", "Closed Loop Tarnbrook Ltd", '"closed" inside belongs to the name'),
    ("Exxel Zzyzx Media", "Exxel Zzyzx Media Inc", "zz inside a word is no mark"),
    ("Test Valley Tarnbrook", "Test Valley Tarnbrook Ltd", '"test" inside belongs to the name'),
    ("Managed Care Tarnbrook", "Managed Care Tarnbrook LLC", '"managed" inside belongs to the name'),
    ("Limited Edition Tarnbrook", "Limited Edition Tarnbrook Inc", '"limited" in front is no legal form'),
    ("Gold Coast Tarnbrook", "Gold Coast Tarnbrook Pty Ltd", '"gold" in front is no decoration'),
    ("Partner Tarnbrook Press", "Partner Tarnbrook Press", '"partner" in front is no decoration'),
)

SECOND_NAMES = _cases(
    SAME,
    ("Wrenford Holdings dba Tarnbrook Joinery", "Tarnbrook Joinery", "the name after dba"),
    ("Wrenford Umbrella d/b/a Tarnbrook Joinery", "Wrenford Umbrella", "the name before d/b/a"),
    ("Tarnbrook Joinery", "Wrenford Umbrella t/a Tarnbrook Joinery", "trading as, on the company's side"),
    ("Wrenford Umbrella trading as Tarnbrook Joinery", "Tarnbrook Joinery", "trading as, in full"),
    ("Tarnbrook Joinery (formerly Wrenford Umbrella)", "Tarnbrook Joinery", "a former name in brackets"),
    ("Tarnbrook Joinery f/k/a Wrenford Umbrella", "Wrenford Umbrella", "formerly known as"),
    ("Wrenford Umbrella aka Tarnbrook Joinery", "Tarnbrook Joinery LLC", "also known as"),
)

TYPO_TRAPS = _cases(
    DIFFERENT,
    ("Stewart Lawn", "Stewart Law", "law is not lawn"),
    ("Calder Dental", "Calder Rental", "dental is not rental"),
    ("Northgate Auto", "Southgate Auto", "north is not south"),
    ("Eastfield Masonry", "Westfield Masonry", "east is not west"),
    ("Community Bank of Brindle", "Community Bark of Brindle", "bank is not bark"),
    ("Stone Realty", "Store Realty", "stone is not store"),
    ("Calder Audio", "Calder Auto", "audio is not auto"),
    ("Ember Grill", "Amber Grill", "ember is not amber"),
    ("Marina Print", "Marine Point", "two ordinary words differ"),
    ("Coral Designs", "Choral Designs", "coral is not choral"),
    ("Cedar Homes", "Cellar Homes", "cedar is not cellar"),
    ("Silver Fox Media", "Silver Box Media", "fox is not box"),
    ("Desert Bakery", "Dessert Bakery", "desert is not dessert"),
    ("Horse Haven", "House Haven", "horse is not house"),
    ("Angel Wings Care", "Angle Wings Care", "angel is not angle"),
)

OTHER_COMPANIES = _cases(
    DIFFERENT,
    ("Tarnbrook Joinery", "Calverdale Joinery", "only the trade agrees"),
    ("Tarnbrook Joinery", "Tarnbrook Bakery", "only the head agrees"),
    ("Tarnbrook Insurance", "Tarnbrook Roofing", "another line of trade"),
    ("Wrenford & Holt Masonry", "Wrenford & Calder Masonry", "another partner"),
    ("Royal Bank", "Royal Mail", "market words are no evidence"),
    ("ABC Company", "XYZ Company", 'only "company" agrees'),
    ("A-B-C Company", "Lowmoor Company", 'only "company" agrees, with hyphens'),
    ("American Services", "American Solutions", "all words are common"),
    ("National Group", "National Partners", "all words are common"),
    ("City of Ashport", "City of Brindleton", "another city"),
    ("Rotary Club of Ashport", "Rotary Club of Kelsomere", "another branch"),
    ("YMCA of Ashport", "YMCA of Norfellham", "another branch"),
    ("Diocese of Ashport", "Diocese of Merlington", "another diocese"),
    ("Ashport Women's Institute", "Linbury Women's Institute", "branches of one body"),
    ("Scouts Ashport", "Guides Ashport", "two bodies of one town"),
    ("Bank of Ashport", "Ashport Savings Credit Union", "two banks of one town"),
    ("Greenlea Primary School", "Greenlea High School", "two schools of one town"),
    ("Dr. Alma Wrenford DDS", "Dr. Bruno Wrenford DDS", "two persons of one family"),
    ("Wrenford Family Dental", "Holtby Family Dental", "another family"),
    ("Tarnbrook", "Tarnhill", "one word each, and not the same"),
    ("Smith Plumbing", "Smyth Roofing", "a near name and another trade"),
    ("Wrenford & Sons", "Calder & Sons", '"& sons" is everybody\'s'),
    ("Price Electric", "Price's Electric", "a family, and another with an apostrophe and an s"),
    ("Wrenford & Wrenford Masonry", "Wrenford Masonry", "two of a family are not one of it"),
    ("Bistro", "Holt & Calder Bistro", "a name that is only a trade could be anybody's of that trade"),
    ("Holt & Calder Bistro", "Bistro", "and so could a company that is called by its trade"),
    ("Florist", "Wrenford & Quill Florist", "another trade"),
    ("Holt & Calder Bakery", "Holt & Calder Bistro", "one owner's name before two trades"),
    ("Holt & Calder Bakery", "Holt & Calder Salon", "an ordinary word for a trade is a trade, too"),
    ("Tarnbrook Market", "Tarnbrook Bakery", "where the name is one word as well"),
    ("Tarnbrook Cafe", "Tarnbrook Dental", "and where only one trade is a learned one"),
)

NUMBERS = _cases(
    DIFFERENT,
    ("Tarnbrook Store 41", "Tarnbrook Store 14", "two digits changed places"),
    ("Tarnbrook Store 101", "Tarnbrook Store 102", "the next store"),
    ("Local 406 Masons", "Local 604 Masons", "another local"),
    ("Engine House No. 5", "Engine House No. 6", "another number"),
    ("451 Harrow Avenue", "415 Harrow Avenue", "another house"),
    ("Tarnbrook Fund II", "Tarnbrook Fund III", "Roman numbers are numbers"),
    ("Tarnbrook Holdings 1", "Tarnbrook Holdings 2", "numbered bodies"),
    ("Precinct 9 Masonry", "Precinct 19 Masonry", "a digit more"),
)
SAME_NUMBERS = _cases(
    SURE,
    ("Tarnbrook Store #41", "Tarnbrook Store 41", "# before a number does not count"),
    ("Tarnbrook Store 041", "Tarnbrook Store 41", "nor do leading zeros"),
)

PARENT_AND_CHILD = _cases(
    OPEN,
    ("Tarnbrook Holdings", "Tarnbrook", "a holding is not its company"),
    ("Tarnbrook Properties", "Tarnbrook", "nor are its properties"),
    ("Tarnbrook Foundation", "Tarnbrook", "nor its foundation"),
    ("Tarnbrook Joinery Realty", "Tarnbrook Joinery", "nor its realty arm"),
    ("Tarnbrook Joinery", "Tarnbrook Joinery Holdings", "and the other way round"),
    ("Tarnbrook", "Tarnbrook Manufacturing", "a head alone could be any of the group"),
    ("Tarnbrook Capital", "Tarnbrook Construction", "two children"),
    ("Tarnbrook East", "Tarnbrook West", "two sites"),
)

ACRONYMS = _cases(
    OPEN,
    ("QTB", "Quarrowby Timber Barn", "initials alone never pre-tick"),
    ("NSC", "Northmoor Sailing Charter", "others could have them too"),
)

EVIDENCE = [
    Case(
        "Tarnbrook",
        "Tarnbrook Joinery",
        SAME,
        "a shared domain bears a shortened name",
        {"domain": "tarnbrookjoinery.co"},
        {"web_address": "https://www.tarnbrookjoinery.co"},
    ),
    Case(
        "Quillfeather Dentl",
        "Quillfeather Dental Studio",
        SAME,
        "same domain and telephone, name cut short",
        {"domain": "quillfeather.dental", "phone": "+1 555-201-3344"},
        {"web_address": "www.quillfeather.dental/home", "phone": "(555) 201-3344"},
    ),
    Case(
        "QDS",
        "Quillfeather Dental Studio",
        SAME,
        "initials borne by domain and telephone",
        {"domain": "quillfeather.dental", "phone": "555-201-3344"},
        {"web_address": "quillfeather.dental", "phone": "5552013344"},
    ),
    Case(
        "Tarnbrook Joinery",
        "Tarnbrook Joinery",
        SURE,
        "the same domain",
        {"domain": "tarnbrook.co.uk"},
        {"web_address": "http://www.tarnbrook.co.uk/contact"},
    ),
    Case(
        "Tarnbrook Joinery",
        "Tarnbrook Joinery",
        SURE,
        "country codes of telephones do not count",
        {"phone": "+44 20 7946 0123"},
        {"phone": "020 7946 0123"},
    ),
    Case(
        "Tarnbrook Joinery",
        "Tarnbrook Joinery",
        SURE,
        "a ZIP code with and without its extension",
        {"postal_code": "60614-1234"},
        {"postal_code": "60614"},
    ),
    Case(
        "Tarnbrook Joinery",
        "Tarnbrook Joinery",
        SURE,
        "a state and its abbreviation are one",
        {"city": "Santa Fe", "state": "New Mexico"},
        {"city": "Santa Fe", "state": "NM"},
    ),
    Case(
        "Tarnbrook Joinery - Ashport",
        "Tarnbrook Joinery",
        SURE,
        "the addition is the company's city",
        {},
        {"city": "Ashport"},
    ),
    Case(
        "Tarnbrook Joinery (Ashport)",
        "Tarnbrook Joinery Ltd",
        SURE,
        "in brackets as well",
        {},
        {"city": "Ashport"},
    ),
    Case(
        "Tarnbrook Bakery",
        "Calverdale Roofing",
        DIFFERENT,
        "free mail is no evidence",
        {"domain": "gmail.com"},
        {"web_address": "gmail.com"},
    ),
    Case(
        "Tarnbrook Bakery",
        "Calverdale Roofing",
        DIFFERENT,
        "a social page is no evidence",
        {"domain": "facebook.com/tarnbrook"},
        {"web_address": "https://facebook.com/calverdale"},
    ),
    Case(
        "Tarnbrook Bakery",
        "Calverdale Roofing",
        DIFFERENT,
        "the same town is no evidence",
        {"city": "Ashport", "postal_code": "40312"},
        {"city": "Ashport", "postal_code": "40312"},
    ),
    Case(
        "Wrenford & Holt Landscaping",
        "Wrenford & Holt Consulting",
        DIFFERENT,
        "two companies of one owner share domain and postal code",
        {"domain": "wrenfordholt.com", "postal_code": "40312"},
        {"web_address": "wrenfordholt.com", "postal_code": "40312"},
    ),
    Case(
        "Wrenford Diner",
        "Wrenford Diner",
        DIFFERENT,
        "a namesake in another town with another telephone",
        {"phone": "5552013344", "city": "Ashport"},
        {"phone": "5559998877", "city": "Brindle"},
    ),
    Case(
        "Tarnbrook Joinery",
        "Tarnbrook Joinery",
        SURE,
        "two numbers of one switchboard",
        {"phone": "555 201 3344"},
        {"phone": "555 201 3367"},
    ),
    Case(
        "Tarnbrook Joinery Restaurant",
        "Tarnbrook Joinery",
        SAME,
        "the company's own number and its domain outweigh a further word of trade",
        {"domain": "tarnbrook.co", "phone": "555 201 3344"},
        {"web_address": "tarnbrook.co", "phone": "555 201 3344"},
    ),
    Case(
        "Tarnbrook Clinics - Cardiology",
        "Tarnbrook Clinics - Paediatrics",
        DIFFERENT,
        "two branches: each has an addition and a number of its own",
        {"domain": "tarnbrook.co", "phone": "555 201 3344"},
        {"web_address": "tarnbrook.co", "phone": "555 888 1122"},
    ),
    Case(
        "Tarnbrook Calder Joinery",
        "Tarnbrook Wrenford Joinery",
        DIFFERENT,
        "two branches: each has a name and a number of its own",
        {"domain": "tarnbrook.co", "phone": "555 201 3344"},
        {"web_address": "tarnbrook.co", "phone": "555 888 1122"},
    ),
    Case(
        "Tarnbrook Joinery",
        "Tarnbrook Joinery",
        SURE,
        "the same city written another way",
        {"city": "Saint Brindle City"},
        {"city": "St. Brindle"},
    ),
    Case(
        "Wrenford Dental",
        "Wrenford Dental",
        OPEN,
        "the same common name, and every field differs",
        {"domain": "wrenford-ashport.com", "phone": "5552013344", "city": "Ashport", "state": "NM"},
        {"web_address": "brindledental.org", "phone": "5559998877", "city": "Brindle", "state": "TX"},
    ),
]

UNREADABLE = _cases(
    DIFFERENT,
    ("", "Tarnbrook Joinery", "no name"),
    ("---", "Tarnbrook Joinery", "no letters"),
    ("🎉🎉", "🎉", "pictures are no name"),
    ("株式会社田中", "株式会社山本", "another company in another alphabet"),
    ("PT Clinic", "Clinic", "two letters before a trade are the name, not a legal form"),
)
OTHER_ALPHABETS = _cases(
    SAME,
    ("田中製作所", "田中製作所", "the same name in another alphabet"),
    ("Газснабтрейд Урал", "Gazsnabtreyd Ural", "Cyrillic letters written in Latin"),
    ("株式会社田中製作所", "田中製作所", "a Japanese form joined to the front of the name"),
    ("田中製作所株式会社", "株式会社 田中製作所", "the form may stand at either end"),
    ("PT Tarnbrook Joinery", "Tarnbrook Joinery", "an Indonesian form stands in front"),
    ("ООО Газснабтрейд Урал", "Gazsnabtreyd Ural", "a Russian form stands in front"),
    ("Quillar e Filhos", "Quillar & Filhos", 'a Portuguese "and"'),
    ("Ελαιώνας Κτήμα", "Elaionas Ktima", "Greek letters written in Latin"),
)

ALL_PAIRS = [
    *LEGAL_FORMS,
    *WRITING,
    *ABBREVIATIONS,
    *MISSPELLINGS,
    *MARKS,
    *INACTIVE,
    *ORDINARY_WORDS,
    *SECOND_NAMES,
    *TYPO_TRAPS,
    *OTHER_COMPANIES,
    *NUMBERS,
    *SAME_NUMBERS,
    *PARENT_AND_CHILD,
    *ACRONYMS,
    *EVIDENCE,
    *UNREADABLE,
    *OTHER_ALPHABETS,
]


@dataclass(frozen=True)
class Choice:
    """One organization and several companies. ``answer``: position of the right one, None when unclear."""

    organization: str
    companies: tuple[str, ...]
    answer: int | None
    why: str
    ours: dict[str, str] = field(default_factory=dict)
    theirs: tuple[dict[str, str], ...] = ()


CHOICES = [
    Choice("Tarnbrook Joinery", ("Tarnbrook Joinery", "Tarnbrook Joinery"), None, "two of the same name"),
    Choice(
        "Tarnbrook Joinery", ("Tarnbrook Joinery Inc", "Tarnbrook Joinery LLC"), None, "twins by legal form"
    ),
    Choice(
        "Tarnbrook Joinery LLC",
        ("Tarnbrook Joinery Inc", "Tarnbrook Joinery LLC"),
        None,
        "people write legal forms as they like",
    ),
    Choice("Tarnbrook Joinery", ("Tarnbrook Joinery", "TARNBROOK JOINERY"), None, "twins by capitals"),
    Choice("Tarnbrook", ("Tarnbrook Plumbing", "Tarnbrook Roofing"), None, "a head that two companies share"),
    Choice(
        "Tarnbrook Joinery",
        ("Tarnbrook Joinery", "Tarnbrook Joinery"),
        1,
        "the domain tells twins apart",
        {"domain": "tarnbrook.example.co"},
        ({"web_address": "tbj.co"}, {"web_address": "tarnbrook.example.co"}),
    ),
    Choice(
        "Tarnbrook Joinery",
        ("Tarnbrook Joinery", "Tarnbrook Joinery"),
        0,
        "the telephone tells twins apart",
        {"phone": "5552013344"},
        ({"phone": "555 201 3344"}, {"phone": "555 888 1122"}),
    ),
    Choice(
        "Tarnbrook Joinery - Ashport",
        ("Tarnbrook Joinery", "Tarnbrook Joinery"),
        1,
        "the city tells twins apart",
        {},
        ({"city": "Brindle"}, {"city": "Ashport"}),
    ),
    Choice(
        "Tarnbrook Joinery",
        ("Tarnbrook Joinery", "Tarnbrook Joinery Holdings"),
        0,
        "the exact name beats a parent",
    ),
    Choice(
        "Tarnbrook Joinery", ("Tarnbrook Joinery", "Tarnbrook Bakery"), 0, "all words beat the head alone"
    ),
    Choice("Tarnbrook Store 41", ("Tarnbrook Store 14", "Tarnbrook Store 41"), 1, "the number decides"),
    Choice(
        "Tarnbrook Joinery",
        ("Tarnbrook Joinery (OLD)", "Tarnbrook Joinery"),
        1,
        "a marked duplicate is no rival",
    ),
    Choice("Calder Dental", ("Calder Rental", "Calder Dental"), 1, "the word itself beats its look-alike"),
    Choice(
        "Wrenford & Holt Masonry",
        ("Wrenford Masonry", "Wrenford & Holt Masonry", "Holt Masonry"),
        1,
        "all words beat some words",
    ),
    Choice(
        "Tarnbrook Joinery",
        ("Tarnbrook Joinery", "Tarnbrook Joinery"),
        None,
        "a company has many numbers: another number alone does not make its namesake the right one",
        {"phone": "5552013344"},
        ({"phone": "555 888 1122"}, {"city": "Ashport"}),
    ),
    Choice(
        "Hayes' Joinery",
        ("Hayes Joinery", "Hayes' Joinery"),
        1,
        "the one that writes the family in the same way",
    ),
    Choice(
        "Tarnbrook Joinery - Ashport",
        ("Tarnbrook Joinery", "Tarnbrook Joinery Ashport"),
        1,
        "the company that has the addition too",
    ),
    Choice(
        "Tarnbrook Joinery Tarnbrook Joinery",
        ("Calder Joinery", "Tarnbrook Joinery"),
        1,
        "a name written twice is the name",
    ),
    Choice(
        "NSC", ("Northmoor Sailing Charter", "Nether Steel Company"), None, "initials that two companies have"
    ),
]
