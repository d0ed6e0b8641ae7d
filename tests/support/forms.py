"""A form of a page as a browser without scripts would send it."""

from __future__ import annotations

from html.parser import HTMLParser


class _Controls(HTMLParser):
    """The names and values that the controls of one form send, in order."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id, self.is_inside, self.found = form_id, False, False
        self.disabled = 0  # how many fieldsets around are disabled
        self.fieldsets: list[bool] = []
        self.sent: list[tuple[str, str]] = []
        self.select: tuple[str, list[tuple[str, bool]]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.is_inside = values.get("id") == self.form_id
            self.found = self.found or self.is_inside
        if not self.is_inside:
            return
        if tag == "fieldset":
            self.fieldsets.append("disabled" in values)
        name = values.get("name") or ""
        is_sent = bool(name) and "disabled" not in values and not any(self.fieldsets)
        if tag == "input" and is_sent:
            is_box = values.get("type") in {"checkbox", "radio"}
            if not is_box or "checked" in values:
                self.sent.append((name, values.get("value") or ("on" if is_box else "")))
        elif tag == "select":
            self.select = (name if is_sent else "", [])
        elif tag == "option" and self.select is not None:
            self.select[1].append((values.get("value") or "", "selected" in values))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False
        elif tag == "fieldset" and self.fieldsets:
            self.fieldsets.pop()
        elif tag == "select" and self.select is not None:
            name, options = self.select
            if name and options:
                self.sent.append((name, next((value for value, chosen in options if chosen), options[0][0])))
            self.select = None


def sent_by(page: str, form_id: str) -> dict[str, list[str]]:
    """What the form with this id sends, without any button; the values of a name in order."""
    reader = _Controls(form_id)
    reader.feed(page)
    assert reader.found, f"no form {form_id}"
    sent: dict[str, list[str]] = {}
    for name, value in reader.sent:
        sent.setdefault(name, []).append(value)
    return sent
