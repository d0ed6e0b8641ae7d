"""What of Bootstrap the portal uses: a quarter of its style sheet, which every page waits for.

``python -m tests.support.used_styles`` writes ``static/vendor/bootstrap/used.css`` anew from the whole style
sheet beside it; tests/pages/test_look.py tells when that is due. A rule stays where each class of its
selector is a word anywhere in templates, scripts or code. A word with "-" at its end begins classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "static/vendor/bootstrap"
WHOLE, USED = FOLDER / "bootstrap.min.css", FOLDER / "used.css"
# Where classes are named: our own, and the sign-in library's and Django's templates through ours.
SOURCES = ("templates/**/*.html", "static/js/*.js", "integrations/**/*.py", "portal/**/*.py")
WORD = re.compile(r"[A-Za-z_][\w-]*")
MOVES = "@keyframes"
NAMED = re.compile(r"""class(?:Name)?["']?\s*[=:]\s*["']([^"']*)""")
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")


@cache
def words() -> frozenset[str]:
    """Whatever may be a class in our sources."""
    paths = (path for pattern in SOURCES for path in ROOT.glob(pattern))
    return frozenset(word for path in paths for word in WORD.findall(path.read_text()))


def named_classes() -> set[str]:
    """The classes that sources name as such, as far as they stand there as a whole."""
    texts = [path.read_text() for pattern in SOURCES for path in ROOT.glob(pattern)]
    lists = [found for text in texts for found in NAMED.findall(text)]
    return {name for each in lists for name in re.sub(r"{[{%].*?[%}]}", " ", each).split()}


@cache
def is_used(name: str) -> bool:
    """Whether something of ours may have this class."""
    beginnings = {name[: place + 1] for place, sign in enumerate(name) if sign == "-"}
    return bool(words() & {name, *beginnings})


def blocks(css: str) -> Iterator[tuple[str, str]]:
    """Each rule or @-block of a style sheet: what stands before its braces, and what is in them."""
    begin = opened = depth = 0
    for place, sign in enumerate(css):
        if sign == "{":
            opened = place if depth == 0 else opened
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                yield css[begin:opened].strip(), css[opened + 1 : place]
                begin = place + 1
        elif sign == ";" and depth == 0:  # @charset
            begin = place + 1


def selectors(head: str) -> list[str]:
    """The selectors of a rule; a comma within brackets parts none."""
    parts, depth = [""], 0
    for sign in head:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _may_match(selector: str) -> bool:
    """Whether all its classes are used, but for those in brackets: `:not(.…)` matches without them."""
    return all(is_used(name) for name in CLASS.findall(re.sub(r"\([^()]*\)", "", selector)))


def used(css: str) -> str:
    """The style sheet without the rules that match nothing of ours."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    kept = []
    for head, body in blocks(css):
        if head.startswith(("@media", "@supports")):
            inner = used(body)
            if inner:
                kept.append(f"{head}{{{inner}}}")
        elif head.startswith("@"):
            kept.append(f"{head}{{{body}}}")
        else:
            chosen = [each for each in selectors(head) if _may_match(each)]
            if chosen:
                kept.append(f"{','.join(chosen)}{{{body}}}")
    named = "".join(each for each in kept if not each.startswith(MOVES))
    # A movement that nothing names goes too.
    return "".join(
        each
        for each in kept
        if not each.startswith(MOVES) or each[len(MOVES) : each.index("{")].strip() in named
    )


def used_bootstrap() -> str:
    """What belongs into ``USED``: its licence, then the rules."""
    whole = WHOLE.read_text()
    licence = whole[: whole.index("*/") + 2].split("/*!")[1]
    note = "/* Only the rules that the portal uses (tests/support/used_styles.py). */"
    return f"/*!{licence}\n{note}\n{used(whole)}\n"


if __name__ == "__main__":
    USED.write_text(used_bootstrap())
