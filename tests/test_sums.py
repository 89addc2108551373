import pytest

from openflan.sums import DamageError, damage, read_sealed, seal, sums_of, unseal, write_sealed


def test_a_sealed_object_comes_back_and_no_changed_one_does(tmp_path):
    path = tmp_path / "a.json"
    value = {"step": 3, "loss": 0.1, "names": ["ü", "b"], "nothing": None, "loss is": float("inf")}
    write_sealed(path, value)
    assert read_sealed(path) == value
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        try:
            found = read_sealed(path)
        except DamageError:
            found = value  # and it was noticed
        assert found == value


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a": 1}', "[" * 100_000, seal({}).__repr__()])
def test_anything_else_is_damage(text):
    with pytest.raises(DamageError):
        unseal(text)


def test_a_file_that_is_missing_changed_or_cut_is_named(tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ("one", "inner/two"):
        (tmp_path / name).write_text(name * 5)
    sums = sums_of(tmp_path)
    assert damage(tmp_path, sums) is None
    (tmp_path / "one").write_text("eno" * 5)
    assert damage(tmp_path, sums) == "one is not what was written"
    (tmp_path / "inner/two").unlink()
    assert damage(tmp_path, sums) == "inner/two: No such file or directory"
