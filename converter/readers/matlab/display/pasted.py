"""What people paste: the lines of a printed layer array among comments, tables, prose and other output of MATLAB."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_QUOTES = dict.fromkeys("\u2018\u2019\u201a\u2032\u00b4", "'") | dict.fromkeys("\u201c\u201d\u201e\u2033", '"')
_BLANKS = dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " ") | dict.fromkeys("\u200b\u200e\u2060\ufeff", "")
_SIGNS = dict.fromkeys("\u2715\u2716\u2a2f", "×") | dict.fromkeys("\u2502\u2503\uff5c", "|")
_PLAIN = str.maketrans(_QUOTES | _BLANKS | _SIGNS)

_PREFIX = r"[\s%#>*/+|\u2022-]*"
"""Marks of comments, quotations, bullets and tables before a line."""
_QUOTED = re.compile(rf"{_PREFIX}(?:(?P<number>\d+)[.):*]*[\s|]*)?(?P<quote>['\"`])(?P<name>.*?)(?P=quote)[\s|]+(?P<rest>\S.*)")
_UNQUOTED = re.compile(rf"{_PREFIX}(?P<number>\d+)[.):*]*\s*(?:\t|\||\s{{2}})(?P<rest>.*\S.*)")
_CONNECTION = re.compile(
    rf"{_PREFIX}\{{?(['\"])(?P<source>[^'\"]+)\1\s*\}}?[\s|]+\{{?(['\"])(?P<destination>[^'\"]+)\3\s*\}}?[\s|]*"
)
_SIZE = r"\d+(?:\([A-Z]\))?(?: ?[x×*] ?\d+(?:\([A-Z]\))?)*"
_FURTHER = re.compile(
    rf"-|\((?:HW|SW) Layer\)|{_SIZE}|(?:\w*(?:Weights|Bias|Scale|Offset|State|Mean|Variance):? {_SIZE}[ ,;]*)+"
)
"""What may stand beside type and words and tells nothing more: where a layer runs, the sizes of activations and weights."""
_LONGEST = 1000
"""Characters of a line; what is longer is no layer."""
_MOST = 20_000
"""Lines of a text that is looked into."""
_WRAPPED = 2
"""Over how many lines more a line may be wrapped."""


@dataclass(frozen=True)
class Row:
    """One layer as printed. ``number`` is None where none is shown.

    ``texts`` are what may be its type and words, joined by one blank, the likeliest first; ``kind`` and ``words`` are its
    columns where they can be told apart.
    """

    number: int | None
    name: str
    texts: tuple[str, ...]
    kind: str
    words: str

    @property
    def text(self) -> str:
        """The line itself."""
        return f"{self.kind} {self.words}".strip()


def decoded(content: bytes) -> str:
    """The text of a file, empty for what is none."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # as Windows' editor saves "Unicode"
        return content.decode("utf-16", "replace")
    start = content[:64]
    if len(start) > 3 and not start[1::2].strip(b"\0") and b"\0" not in start[::2]:  # the same without its mark
        return content.decode("utf-16-le", "replace")
    if b"\0" in content:
        return ""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def lines(text: str) -> list[str]:
    """The lines with plain quotes, blanks and signs, whatever program they went through."""
    text = html.unescape(text).replace("\u00c3\u2014", "×").translate(_PLAIN)  # × read in another encoding
    text = re.sub(r"\\([_*#|'`×])", r"\1", text.replace("**", "").replace("\\times", "×"))  # Markdown
    found = text.splitlines()
    return (
        [line.rstrip().removesuffix("<br>").rstrip() for line in found if len(line) <= _LONGEST] if len(found) <= _MOST else []
    )


def rows(pasted: Sequence[str], known: Callable[[str], bool]) -> list[Row]:
    """The layers among the lines; ``known`` tells whether a text is the type and the words of a layer.

    A number and a quoted name make a line a layer's, whatever follows. Without quotes only what is known is, and in a list
    without any, lines that go on counting. Without numbers the lines have to hold something known.
    """
    quoted = {
        place: found for place, line in enumerate(pasted) if (found := _QUOTED.fullmatch(line)) and not is_connection(line)
    }
    bare = {place: found for place, line in enumerate(pasted) if (found := _UNQUOTED.fullmatch(line)) and place not in quoted}
    numbered = [place for place, found in quoted.items() if found["number"]]
    starts = {*numbered, *bare}
    found = {
        place: _row(
            int(quoted[place]["number"]), quoted[place]["name"], _wrapped(pasted, place, quoted[place]["rest"], starts), known
        )
        for place in numbered
    }
    surely = {place: row for place, match in bare.items() if (row := _bare(pasted, place, match, starts, known)) is not None}
    if surely and not found:
        numbers = {row.number for row in surely.values()}
        rows = {place: _unknown(match, known) for place, match in bare.items() if place not in surely}
        found = {place: row for place, row in rows.items() if row is not None and row.number not in numbers}
    found |= surely
    if found:
        return list(dict.fromkeys(found[place] for place in sorted(found)))  # a line shown twice in the same words counts once
    starts = {*quoted}
    rest = [_row(None, match["name"], _wrapped(pasted, place, match["rest"], starts), known) for place, match in quoted.items()]
    return rest if any(known(row.texts[0]) for row in rest) else []


def _bare(
    pasted: Sequence[str], place: int, found: re.Match[str], starts: set[int], known: Callable[[str], bool]
) -> Row | None:
    """A row without quotes, with or without a name, if it is known."""
    for rest in _wrapped(pasted, place, found["rest"], starts):
        name, *others = _cells(rest)
        for row in (
            _row(int(found["number"]), name, ["  ".join(others)], known),
            _row(int(found["number"]), "", [rest], known),
        ):
            if known(row.texts[0]):
                return row
    return None


def _unknown(found: re.Match[str], known: Callable[[str], bool]) -> Row | None:
    """A row without quotes of a type that nobody knows, if it has the columns of one."""
    name, *others = _cells(found["rest"])
    is_type = len(others) > 1 and re.search(r"[^\W\d]", others[0])
    return _row(int(found["number"]), name, ["  ".join(others)], known) if is_type else None


def _wrapped(pasted: Sequence[str], place: int, rest: str, heads: set[int]) -> list[str]:
    """The rest of a line with the lines after it that it may have been wrapped into, the longest first."""
    texts = [rest]
    for further in range(place + 1, min(place + 1 + _WRAPPED, len(pasted))):
        more = re.sub(rf"^{_PREFIX}", "", pasted[further]).strip()
        if not more or further in heads or is_connection(pasted[further]):
            break
        texts.append(f"{texts[-1]}  {more}")
    return texts[::-1]


def _row(number: int | None, name: str, texts: list[str], known: Callable[[str], bool]) -> Row:
    """The row of the longest text that is known, otherwise of the line itself."""
    for text in texts:
        kind, *words = cells = _cells(text)
        candidates = sorted(dict.fromkeys(_arranged(cells)), key=lambda candidate: not known(candidate))
        if text is texts[-1] or known(candidates[0]):
            return Row(number, name.strip(), tuple(candidates), kind, " ".join(words))
    raise AssertionError("a line has at least its own text")


def _cells(text: str) -> list[str]:
    """The columns; blanks inside brackets do not part them."""
    text = re.sub(r"\[[^\]]*\]", lambda found: " ".join(found[0].split()), text.strip().strip("|"))
    return [" ".join(cell.split()) for cell in re.split(r"\s*[|\t]\s*|\s{2,}", text.strip()) if cell.strip()] or [""]


def _arranged(cells: list[str]) -> Iterator[str]:
    """Type and words out of the columns: all of them, or two beside columns that tell nothing more."""
    cells = [re.sub(r" ?\((?:HW|SW) Layer\)$", "", cell) or cell for cell in cells]
    yield " ".join(cells)
    for end in range(len(cells) - 1, 0, -1):
        if all(_FURTHER.fullmatch(cell) for cell in cells[end:]):
            yield " ".join(cells[:end])
            if end == 2:
                yield f"{cells[1]} {cells[0]}"  # as analyzeNetwork has them: the words before the type


def is_connection(line: str) -> bool:
    return _CONNECTION.fullmatch(line) is not None


def connections(pasted: Sequence[str]) -> list[tuple[str, str]]:
    """The rows of a printed table of connections: source and destination."""
    return [
        (found["source"].strip(), found["destination"].strip()) for line in pasted if (found := _CONNECTION.fullmatch(line))
    ]
