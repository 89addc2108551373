import pytest

from openflan.data.encode import Format
from openflan.errors import ModelError
from openflan.model.format_file import FILE, read_format, write_format


@pytest.mark.parametrize(
    "format", [Format(), Format("chat", 512, 64, {"enable_thinking": False, "system": "Be brief."}), Format("space")]
)
def test_what_is_written_is_read(tmp_path, format):
    write_format(tmp_path, format)
    assert read_format(tmp_path) == format


def test_a_folder_without_a_note_says_nothing(tmp_path):
    assert read_format(tmp_path) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"format": {"join": "song"}}', "{}"])
def test_a_damaged_note_is_named(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ModelError, match=FILE):
        read_format(tmp_path)
