"""Count in how many business names each word stands, for integrations/matching/data/background_words.txt.

    .venv/bin/python tests/benchmarks/matching/count_words.py NAMES_FILE > background_words.txt

NAMES_FILE holds one real business name a line. Only words of at least three names are written.
"""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching.names import read_name

FEWEST = 3


def main() -> None:
    """Print the counts, most frequent first."""
    names = [line for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines() if line.strip()]
    counts: Counter[str] = Counter()
    for name in names:
        counts.update({word for form in read_name(name).forms for word in form.words})
    sys.stdout.write("# Written by tests/benchmarks/matching/count_words.py from public business names\n")
    sys.stdout.write(f"(names) {len(names)}\n")
    for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count >= FEWEST and not word.isdigit():
            sys.stdout.write(f"{word} {count}\n")


if __name__ == "__main__":
    main()
