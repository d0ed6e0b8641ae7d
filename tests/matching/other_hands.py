"""Names as other people write them: each kind of difference that once made the matcher sure and wrong.

Every case is a little tenant of its own. ``IT``: that company is suggested. ``NOT``: nothing is. ``LOOK``: at
most *likely*. ``SURE``: that company, for sure. A record is a name, or a name with its fields.
"""

from dataclasses import dataclass

IT, NOT, LOOK, SURE = "it", "not", "look", "sure"

Written = str | tuple[str, dict[str, str]]


@dataclass(frozen=True)
class Hand:
    """One organization, what must come of it, and its companies; the first is the one that may be it."""

    kind: str
    ours: Written
    verdict: str
    companies: tuple[Written, ...]


def _kind(kind: str, *rows: tuple[Written, str, tuple[Written, ...]]) -> list[Hand]:
    return [Hand(kind, ours, verdict, companies) for ours, verdict, companies in rows]


def _tel(name: str, phone: str, **more: str) -> Written:
    return name, {"phone": phone, **more}


ADDITIONS = _kind(
    "the same addition behind another name",
    ("Quillmore Tiles (Leeds)", NOT, ("Harbeck Shoes (Leeds)",)),
    ("Tessaly Freight - Depot", NOT, ("Brummel Bakes - Depot",)),
    ("Orvane Biotech, Inc. (NV)", NOT, ("LUTHWELL ROBOTICS, INC. /NV/",)),
    ("Mirefield Dairy | Harbour Quay", NOT, ("Ostley Opticians | Harbour Quay",)),
    ("Wexcombe Tyres, Perth", NOT, ("Dorrance Kitchens, Perth",)),
    ("Plimworth Bakery [North]", NOT, ("Chelder Motors [North]",)),
    ("Quillmore Tiles (Leeds)", IT, ("Quillmore Tiles (Leeds) Ltd", "Harbeck Shoes (Leeds)")),
)

SITES = _kind(
    "sites that share a generic word",
    ("Quillmore Tiles - Leeds Showroom", NOT, ("Quillmore Tiles - Derby Showroom",)),
    ("Harrowby Credit Union - Eastgate Branch", NOT, ("Harrowby Credit Union - Westgate Branch",)),
    ("Saint Orwin Academy - Upper Campus", NOT, ("Saint Orwin Academy - Lower Campus",)),
    ("Tessaly Freight (Head Office)", NOT, ("Tessaly Freight (Back Office)",)),
    ("Tessaly Freight - Terminal 3", NOT, ("Tessaly Freight - Terminal 7",)),
    ("Mirefield Dairy, Perth WA", NOT, ("Mirefield Dairy, Sydney NSW",)),
    ("Wexcombe Tyres - Perth", NOT, ("Wexcombe Tyres - Hobart",)),
    ("Wexcombe Tyres (Perth Store)", NOT, ("Wexcombe Tyres Hobart Store",)),
    (
        ("Wexcombe Tyres - Perth", {"domain": "wexcombe.com.au"}),
        NOT,
        (("Wexcombe Tyres - Hobart", {"web_address": "https://www.wexcombe.com.au"}),),
    ),
    (_tel("Wexcombe Tyres - Perth", "0892015544"), NOT, (_tel("Wexcombe Tyres - Hobart", "0892015544"),)),
    ("Wexcombe Tyres - Perth", IT, ("Wexcombe Tyres (Perth)", "Wexcombe Tyres (Hobart)")),
    (
        ("Cleanmore Tolland LLC", {"domain": "cleanmore.com"}),
        NOT,
        (("Cleanmore Denholm LLC", {"web_address": "cleanmore.com"}),),
    ),
)

FAMILIES = _kind(
    "a letter between two surnames or towns",
    ("Petersen Joinery", LOOK, ("Peterson Joinery",)),
    ("Meyer Elektro", LOOK, ("Meier Elektro",)),
    ("Morton Cricket Club", LOOK, ("Norton Cricket Club",)),
    ("Reading Dental Care", LOOK, ("Redding Dental Care",)),
    ("Stewart Farms LLC", LOOK, ("Stuart Farms LLC",)),
    ("Greene County Library", LOOK, ("Green County Library",)),
    (
        _tel("Petersen Joinery", "0115201334", city="Leeds"),
        NOT,
        (_tel("Peterson Joinery", "0191884422", city="Derby"),),
    ),
    (
        ("Petersen Joinery", {"domain": "petersenjoinery.com"}),
        NOT,
        (("Peterson Joinery", {"web_address": "petersonwood.net"}),),
    ),
)

BRANDS = _kind(
    "a letter between two brands",
    ("Zentora Limited", LOOK, ("Zentara Ltd",)),
    ("KORV Capital, Inc.", LOOK, ("KORD Capital, Inc.",)),
    ("Blint Marketing", LOOK, ("Glint Marketing",)),
    ("Ovexa", LOOK, ("Ovexo GmbH",)),
    (_tel("Zentora", "5552013344"), NOT, (_tel("Zentara", "5558871100"),)),
)

SMALL_WORDS = _kind(
    "a small word that is the name",
    ("Harbour Cut", NOT, ("Harbour Cut & Dye",)),
    ("Warm-up", NOT, ("Warm Ltd",)),
    ("A to B Couriers", NOT, ("B Couriers",)),
    ("In Motion", NOT, ("Motion",)),
    ("For Pets", NOT, ("Pets",)),
    ("Off Road Tyres", NOT, ("Road Tyres",)),
    ("Dine In Catering", NOT, ("Dine Catering",)),
    ("Built By", NOT, ("Built Inc",)),
    ("The Harbour Cut", IT, ("Harbour Cut Ltd",)),
    ("House of Lindqvar", IT, ("House Lindqvar Inc",)),
    ("Tarnwick and Sons", IT, ("Tarnwick & Sons",)),
    ("Die Blumenwerkstatt GmbH", IT, ("Blumenwerkstatt GmbH",)),
    ("The Firm", NOT, ("Firm Foundations",)),
)

SHORT_FORMS = _kind(
    "one short form, several words",
    ("Orwin Med", NOT, ("Orwin Medical", "Orwin Media")),
    ("Orwin Comm", NOT, ("Orwin Communications", "Orwin Commercial")),
    ("Orwin Res", NOT, ("Orwin Restoration",)),
    ("Orwin Elec", IT, ("Orwin Electronics", "Orwin Dental")),
    ("Orwin Phys", IT, ("Orwin Physiotherapy", "Orwin Dental")),
    ("Orwin Pharm", IT, ("Orwin Pharmacy",)),
    ("Orwin Mfg", IT, ("Orwin Manufacturing",)),
)

LETTERS = _kind(
    "one letter written in two ways",
    ("Bäumler Optik GmbH", IT, ("Baeumler Optik GmbH", "Bohmler Optik GmbH")),
    ("Göran Lövberg Måleri", IT, ("Goeran Loevberg Maaleri",)),
    ("Sønderby Tømrer ApS", IT, ("Soenderby Toemrer ApS",)),
    ("Großmann Druck", IT, ("Grossmann Druck",)),
    ("Huebner Gartenbau", IT, ("Hübner Gartenbau", "Hagner Gartenbau")),
    ("Æbelø Kaffe", IT, ("Aebeloe Kaffe",)),
)

PLURALS = _kind(
    "a plural behind the first word",
    ("Vexley Health Science Institute", IT, ("Vexley Health Sciences Institute",)),
    ("Orwin Garden Tool", IT, ("Orwin Garden Tools Ltd",)),
    ("Tessaly Yacht", IT, ("Tessaly Yachts",)),
    ("Ostley County Coroner", IT, ("Ostley County Coroner's Office", "Ostley County Assessor")),
    ("Winters Landscaping", NOT, ("Winter's Landscape Rentals",)),
)

REASONED = _kind(
    "what no rule should forbid",
    ("Adler Hoist Works N.V., ADLER", IT, ("Adler Hoist Works NV",)),
    ("Tessaly Cosmetica BV", IT, ("Tessaly Cosmetical B.V.",)),
)

BODIES = _kind(
    "public bodies",
    ("Wrelcott", IT, ("Wrelcott Borough Council", "Marbrook City Council", "Wrelham Parish Council")),
    ("City of Ostwell", IT, ("Ostwell City Council", "Ostwell Orthodontics")),
    ("North Tarnham", IT, ("North Tarnham District Council", "South Tarnham District Council")),
    ("Quorley London Boro", IT, ("London Borough of Quorley", "London Borough of Quenley")),
    ("Town of Pellbrook", IT, ("Pellbrook Town Hall", "Pellbrook Tavern")),
    ("Wexshire UA", IT, ("Wexshire Council", "Wexshire Fire Authority")),
    ("Town of Pellbrook", IT, ("Pellbrook Town Council", "Pellbrook County Council")),
    ("Borough of Wrelcott", IT, ("Wrelcott Borough",)),
    ("County of Ostwell", NOT, ("City of Ostwell",)),
    ("Ostwell Parish Council", NOT, ("Ostwell County Council",)),
    ("Ostwell Police", IT, ("Ostwell Police Department", "Ostwell Polish Deli")),
    ("Village of Ambry", IT, ("Ambry Village", "Ambry Villas")),
)

ADDRESSES = _kind(
    "an address behind the name",
    ("Orvane Biotech, Tulsa, Oklahoma, USA", IT, ("Orvane Biotech", "Orvane Biometrics")),
    ("Plimworth Bakery, Ireland", IT, ("Plimworth Bakery Ltd", "Plimworth Banking")),
    ("Vandeloo Staal B.V., Eindhoven", IT, ("Vandeloo Staal BV", "Vandelux BV")),
    ("Tarnwick Freight Ltd, Leeds, UK", IT, ("Tarnwick Freight", "Tarnwick Fright")),
    ("Orvane Biotech, Boulder, CO 80301", IT, ("Orvane Biotech Inc",)),
    ("Lumegrade SA, Geneva", IT, ("Lumegrade",)),
)

ENTITIES = _kind(
    "signs of a web page",
    ("Tarnwick &amp; Holt", IT, ("Tarnwick & Holt", "Tarnwick Holten")),
    ("Ludvig&#39;s Bikes", IT, ("Ludvig's Bikes", "Ludwik Boats")),
    ("Ludvig&rsquo;s Bikes", IT, ("Ludvig's Bikes",)),
    ("&quot;Ovexa&quot; Ltd", IT, ("Ovexa",)),
)

FORMS = _kind(
    "legal forms of more countries",
    ("Lövberg Snickeri AB", IT, ("Lovberg Snickeri Aktiebolag", "Lövberg Måleri AB")),
    ("Oy Pohjanmarka Ab", IT, ("Pohjanmarka Oy", "Pohjanlahti Oy")),
    ("Notariat Kühlmann", IT, ("Notariat Kühlmann PartG mbB", "Notariat Kuhlmeier")),
    ("Sté Varenne et Filles SARL", IT, ("Société Varenne & Filles", "Varenne Finance")),
    ("SAS Varenne Menuiserie", IT, ("Varenne Menuiserie",)),
    ("บริษัท ดาวเหนือ จำกัด", IT, ("ดาวเหนือ",)),
    ("شركة النخيل", IT, ("النخيل",)),
    ("S.C. Torvania S.R.L.", IT, ("Torvania", "Torva Foods")),
    ("ТОВ Світанок", IT, ("Світанок",)),
    ("Kjeldgaard Byg K/S", IT, ("Kjeldgaard Byg",)),
    ("Blumen Ostermaier e.U.", IT, ("Blumen Ostermaier",)),
    ("Blumen Ostermaier e.K.", IT, ("Blumen Ostermaier",)),
    ("Zonnehof VZW", IT, ("Zonnehof",)),
    ("Kovex, spol. s r.o.", IT, ("Kovex s.r.o.",)),
    ("Vandeloo Staal Naamloze Vennootschap", IT, ("Vandeloo Staal N.V.",)),
    ("Ovexa OÜ", IT, ("Ovexa",)),
)

CHINESE = _kind(
    "Chinese names",
    ("廣州晨輝電子有限公司", IT, ("广州晨辉电子有限公司", "广州晨华电子有限公司")),
    ("上海云帆软件有限公司", IT, ("云帆软件(上海)有限公司", "上海云帆贸易有限公司")),
    ("深圳市蓝鲸网络科技有限公司", IT, ("深圳蓝鲸网络科技有限公司",)),
)

PERSONS = _kind(
    "persons",
    ("Dr. Leopold Vanterpool", IT, ("Vanterpool, Leopold DDS PC", "Vanterpool Heating")),
    ("Law Offices of Anjali Venkataraman", IT, ("Venkataraman Law, P.C.", "Law Offices of Simon Venn")),
    ("Wm. T. Ostrowsky CPA", IT, ("William T Ostrowsky, CPA", "Ostrowsky & Daughters")),
    ("Ostrowsky, William", IT, ("William Ostrowsky DMD",)),
    ("Law Office of Simon Venn", NOT, ("Law Office of Peter Venn",)),
    ("Dr. A. Ostrander DDS", NOT, ("Dr. B. Ostrander DDS",)),
)

EARLIER = _kind(
    "earlier names",
    ("Ovexa Health (was Copperline Imaging)", IT, ("Copperline Imaging", "Ovexo Hotels")),
    ("Ovexa IT (old name: Tarnwick Computing)", IT, ("Tarnwick Computing Ltd", "Ovelay IT")),
    ("Wavepike-Morentra", IT, ("Wavepike (formerly Morentra)", "Wavepath")),
    ("Ovexa Group, previously Tarnwick Computing", IT, ("Tarnwick Computing",)),
    ("Tarnwick Computing (now Ovexa Group)", IT, ("Ovexa Group", "Ovela Group")),
    ("Ovexa (ex Tarnwick Computing)", IT, ("Tarnwick Computing Inc",)),
    ("Tarn Capital dba Elm Diner", NOT, ("Tarn Capital dba Oak Diner",)),
)

MARKS = _kind(
    "marks and codes",
    ("ZZ-OLD Ostley Electric (DO NOT USE)", IT, ("Ostley Electric", "Ostlund Electric")),
    ("0932 Tarnwick & Vale", IT, ("Tarnwick and Vale", "Tarnwick Pines")),
    ("Orvane Biotech HQ", IT, ("Orvane Biotech, Inc.", "Orvane Biotech - Lab 4")),
    ("C0417: Orvane Biotech", IT, ("Orvane Biotech",)),
    ("ZZZ_Orvane Biotech", IT, ("Orvane Biotech",)),
    ("(00871) Orvane Biotech", IT, ("Orvane Biotech",)),
)

WEB_NAMES = _kind(
    "a web address as the name",
    ("ovexia.com", IT, (("Ovexia Industrial", {"web_address": "www.ovexia.com"}), "Ove Company")),
    ("plimbla.com", IT, ("Plimbla", "Plumbla Cars")),
    ("www.plimbla.co.uk", IT, ("Plimbla Ltd",)),
    ("plimbla.de", IT, ("Plimbla GmbH",)),
)

PHONES = _kind(
    "ordinary words with one telephone number",
    (_tel("Orwin Bakers", "02079460772"), NOT, (_tel("Orwin Makers", "02079460772"),)),
    (_tel("Ostley Paint", "5552010144"), NOT, (_tel("Ostley Print", "5552010144"),)),
    (_tel("Ostley Lawn", "5552010144"), NOT, (_tel("Ostley Law", "5552010144"),)),
    (_tel("Ostley Dental", "5552010144"), NOT, (_tel("Ostley Rental", "5552010144"),)),
    (_tel("Orrin Bikes", "2125550133"), LOOK, (_tel("Orrin Hikes", "2125550133"),)),
)

SPELLINGS = _kind(
    "one spelling in one list",
    ("Tarnwick Orthopaedic Clinic", IT, ("Tarnwick Orthopedic Clinic",)),
    ("Bulgarrian Choir of Ostwell", IT, ("Bulgarian Choir of Ostwell",)),
    ("Harbour Colour Studio", IT, ("Harbor Color Studio",)),
)

SUFFIXES = _kind(
    "hosts under a shared suffix",
    (
        ("Ostermann Consulting", {"domain": "ostermann-consulting.de.com"}),
        LOOK,
        (("Ostermann Consultants", {"web_address": "ostermannberatung.de.com"}),),
    ),
    (
        ("Wrelcott Primary", {"domain": "wrelcottprimary.nsw.edu.au"}),
        NOT,
        (("Ambry High School", {"web_address": "ambryhigh.nsw.edu.au"}),),
    ),
    (
        ("Ovexa", {"domain": "ovexa.onmicrosoft.com"}),
        NOT,
        (("Zentora", {"web_address": "zentora.onmicrosoft.com"}),),
    ),
)

ALL_HANDS = [
    case
    for kind in (
        ADDITIONS, SITES, FAMILIES, BRANDS, SMALL_WORDS, SHORT_FORMS, LETTERS, PLURALS, REASONED, BODIES,
        ADDRESSES, ENTITIES, FORMS, CHINESE, PERSONS, EARLIER, MARKS, WEB_NAMES, PHONES, SPELLINGS, SUFFIXES,
    )
    for case in kind
]  # fmt: skip
