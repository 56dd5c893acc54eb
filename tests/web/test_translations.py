"""The page's words for the request's fields: every field, choice and group has them in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from redraw.request import KINDS, FieldInfo, describe_fields

I18N = Path(__file__).parents[2] / "web" / "src" / "i18n"
LANGUAGES = sorted(folder.name for folder in I18N.iterdir() if (folder / "field.ts").is_file())
FIELDS = {field.name: field for kind in KINDS.values() for field in describe_fields(kind)}
GROUPS_OF_THE_PAGE = {"Size", "Sampling", "Batch", "Guidance"}
"""Groups that the page makes of the server's (web/src/state/form-groups.ts)."""

ENTRY = re.compile(
    r'^ {2}(\w+): \{\s*title: "[^"]+",\s*help: "[^"]+",?\s*(?:choices: \{([^}]*)\},?\s*)?\},$', re.MULTILINE
)
CHOICE = re.compile(r'"?([\w-]+)"?: "[^"]+"')
GROUP = re.compile(r'^ {2}(\w+): "[^"]+",$', re.MULTILINE)


def words_of(field: FieldInfo) -> set[str]:
    """Return the values of `field` that the page shows by a label."""
    if not field.labels:
        return set()
    return set(map(str, field.choices)) or {"false", "true"}


def read(language: str) -> tuple[dict[str, set[str]], set[str]]:
    """Return the choices of each field that has a title and help in `language`, and the groups that have a name."""
    fields, groups = (I18N / language / "field.ts").read_text("utf-8").split("export const group")
    choices = {found[1]: set(CHOICE.findall(found[2] or "")) for found in ENTRY.finditer(fields)}
    return choices, set(GROUP.findall(groups))


def test_there_are_two_languages_beside_english() -> None:
    assert LANGUAGES == ["ja", "zh-CN"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_has_a_title_and_help_and_no_other_has(language: str) -> None:
    fields, _ = read(language)
    assert set(fields) == set(FIELDS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_labelled_choice_has_a_word(language: str) -> None:
    fields, _ = read(language)
    assert fields == {name: words_of(FIELDS[name]) for name in fields}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_group_has_a_name(language: str) -> None:
    _, groups = read(language)
    names = {field.group for field in FIELDS.values()} | GROUPS_OF_THE_PAGE
    assert groups == {name.replace(" ", "_") for name in names}
