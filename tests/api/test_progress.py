"""Progress bars: there by default, silent on request and on all processes but the first."""

import pytest

from openflan.api.progress import bar, duration


@pytest.fixture
def terminal(monkeypatch):
    """Standard error passes for a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("RANK", raising=False)


def drawn(capsys, *, silent=False):
    with bar("reading rows", 2, silent=silent) as move:
        move(1, title="reading more")
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def test_a_bar_is_drawn_by_default(terminal, capsys):
    assert "reading" in drawn(capsys)


def test_silence_on_request(terminal, capsys):
    assert drawn(capsys, silent=True) == ""


def test_a_pipe_gets_nothing(capsys, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert drawn(capsys) == ""


def test_under_torchrun_the_first_process_draws_alone(terminal, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert drawn(capsys) == ""
    monkeypatch.setenv("RANK", "0")
    assert "reading" in drawn(capsys)


def test_durations():
    assert [duration(seconds) for seconds in (0, 59.6, 125, 3725)] == ["0:00", "1:00", "2:05", "1:02:05"]
