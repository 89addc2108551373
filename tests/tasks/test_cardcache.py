"""Cards come from the cache as they come from their files, and never from a cache that is damaged or old."""

import pytest

from openflan.errors import CardError
from openflan.tasks import cardcache
from openflan.tasks.cardcache import read_cards
from openflan.tasks.cardfile import read_card
from openflan.tasks.registry import CATALOG


@pytest.fixture(autouse=True)
def notes(tmp_path, monkeypatch):
    """The folder of the cache."""
    monkeypatch.setenv("OPENFLAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cards"


@pytest.fixture
def unread(monkeypatch):
    """Fail where a card is read from its file."""
    return lambda: monkeypatch.setattr(cardcache, "read_card", lambda path: pytest.fail("read again"))


def test_every_card_of_the_catalog_comes_back_as_it_was_read(unread):
    paths = sorted(CATALOG.rglob("*.yaml"))
    fresh = read_cards(paths)
    unread()
    assert read_cards(paths) == fresh == [read_card(path) for path in paths]
    assert [card.layouts(card.variant_names[0]) for card in read_cards(paths)]


def test_a_change_in_a_file_is_seen(make_card):
    path = make_card()
    assert read_cards([path])[0].licence == "CC0"
    make_card(licence="MIT")
    assert read_cards([path])[0].licence == "MIT"
    make_card(fields={"premise": "{{ premise"})
    with pytest.raises(CardError):
        read_cards([path])


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"cards": [{"name": "x"}]}'])
def test_a_damaged_cache_is_read_past_and_renewed(damage, make_card, notes):
    path = make_card()
    before = read_cards([path])
    (note,) = notes.iterdir()
    whole = note.read_bytes()
    note.write_bytes(damage)
    assert read_cards([path]) == before
    assert note.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_nothing(make_card, notes, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert read_cards([make_card()])[0].name == "toy"
