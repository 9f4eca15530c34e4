"""What is heard: a sound file is taken as it is or refused where it is named, and its hash goes with the scenario."""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path

import pytest

from lab.errors import ScenarioError
from lab.scenario.dump import dump
from lab.scenario.load import load, loads
from lab.scenario.model import Sound

ROOT = Path(__file__).parents[3]
HEADER_BYTES = 44
"""What stands before the samples in a WAV file of `wave`'s."""


def wav(path: Path, *, rate: int = 16_000, channels: int = 1, bits: int = 16, ms: int = 500) -> Path:
    """Write a WAV file of a ramp."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(bits // 8)
        sound.setframerate(rate)
        sound.writeframes(bytes(i % 251 for i in range(rate * ms // 1000 * channels * bits // 8)))
    return path


def scenario(folder: Path, media: str) -> Path:
    """Write a scenario whose third line is `media`."""
    path = folder / "x.yaml"
    path.write_text(f"version: 1\nmedia:\n  {media}\n")
    return path


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """It is looked for in the scenario's folder, its rate is the one pushed, its hash is remembered."""
    own = wav(tmp_path / "mine.wav", rate=44_100)
    media = load(scenario(tmp_path, "{audio: mine.wav, frame: 50ms}")).media
    assert media.audio == Sound(file="mine.wav", sha256=hashlib.sha256(own.read_bytes()).hexdigest())
    assert media.audio is not None
    assert media.audio.path == own
    assert (media.sample_rate, media.frame_ms) == (44_100, 50)


def test_the_shipped_speech(tmp_path: Path) -> None:
    """`speech.wav` is found from anywhere, is speech of some length, is small, and its licence is beside it."""
    media = load(scenario(tmp_path, "audio: speech.wav")).media
    assert media.audio is not None
    assert media.audio.path == ROOT / "scenarios" / "audio" / "speech.wav"
    assert media.sample_rate == 16_000
    assert media.audio.path.stat().st_size <= 300_000
    assert "public domain" in (media.audio.path.parent / "LICENSE").read_text()


def test_without_a_file_there_are_marks(tmp_path: Path) -> None:
    """Marks are pushed 20 ms at a time at 48 kHz unless something else is asked for."""
    media = load(scenario(tmp_path, "duration: 10s")).media
    assert (media.audio, media.frame_ms, media.sample_rate) == (None, 20, 48_000)
    media = load(scenario(tmp_path, "{audio: marks, frame: 100ms, sample_rate: 8kHz}")).media
    assert (media.audio, media.frame_ms, media.sample_rate) == (None, 100, 8_000)


def test_a_recording_says_what_was_played(tmp_path: Path) -> None:
    """The resolved scenario reads back without the file; run again, it refuses another file of that name."""
    own = wav(tmp_path / "mine.wav")
    text = dump(load(scenario(tmp_path, "audio: mine.wav")))
    own.rename(tmp_path / "gone.wav")
    assert dump(loads(text)) == text
    again = tmp_path / "again.yaml"
    again.write_text(text)
    with pytest.raises(ScenarioError, match=r"media.audio: mine.wav: neither a file"):
        load(again)
    wav(own, ms=600)
    with pytest.raises(ScenarioError, match=r"sha256: mine.wav is another one"):
        load(again)


@pytest.mark.parametrize(
    ("media", "words"),
    [
        ("audio: mini.wav", "media.audio: mini.wav: neither a file .* nor one of marks, speech.wav"),
        (f"audio: {'x' * 300}.wav", "x.wav: neither a file"),
        ("audio: 7", "a mapping is expected"),
        ("audio: text.wav", "text.wav: no WAV file of whole PCM"),
        ("audio: stereo.wav", "2 channels of 16 bits; mono, 16 bits"),
        ("audio: coarse.wav", "1 channels of 8 bits"),
        ("audio: short.wav", "160 samples; at least 20ms"),
        ("audio: cut.wav", "media.audio: cut.wav: cut: 8000 samples promised, 10 there; save it anew"),
        ("audio: bare.wav", "media.audio: bare.wav: cut: 8000 samples promised, 0 there; save it anew"),
        ("audio: half.wav", r"half.wav: no WAV file of whole PCM \(it ends early\)"),
        ("audio: torn.wav", r"torn.wav: no WAV file of whole PCM \(it ends early\)"),
        ("audio: odd.wav", "media.audio: 22050Hz: 8kHz to 48kHz, a whole number of samples in 10ms"),
        ("audio: high.wav", "media.audio: 96kHz: 8kHz to 48kHz"),
        ("{audio: mine.wav, sample_rate: 48kHz}", "sample_rate: 48kHz, but mine.wav is at 16kHz; leave it out"),
        ("{audio: {file: mine.wav, sha256: beef}}", "sha256: beef: the hash of a sound file"),
        ("{audio: {file: marks, sha256: beef}}", "sha256: beef: the hash of a sound file"),
        ("frame: 25ms", "media.frame: 25ms: a multiple of 10ms is expected"),
        ("frame: 0ms", "media.frame: 0ms: 10ms to 1s is expected"),
        ("frame: 250ms", "media.frame: 250ms at a time do not fit into the queue of publisher, 200ms"),
        ("sample_rate: 4kHz", "sample_rate: 4kHz: 8kHz to 48kHz"),
        ("sample_rate: 22050Hz", "sample_rate: 22050Hz: a multiple of 100Hz is expected"),
        ("sample_rate: 16000", 'did you mean "16000Hz"'),
        ("sample_rate: 16", 'did you mean "16kHz"'),
        ("sample_rate: 22050", "sample_rate: 22050: a rate of samples is written as 48kHz"),
    ],
)
def test_what_cannot_be_pushed_is_refused_where_it_is_written(tmp_path: Path, media: str, words: str) -> None:
    """Each error names file, line and field, before anything is started."""
    (tmp_path / "text.wav").write_text("RIFF or not")
    wav(tmp_path / "mine.wav")
    wav(tmp_path / "stereo.wav", channels=2)
    wav(tmp_path / "coarse.wav", bits=8)
    wav(tmp_path / "short.wav", ms=10)
    mine = (tmp_path / "mine.wav").read_bytes()
    for name, content in {
        "cut": mine[: HEADER_BYTES + 20],
        "bare": mine[:HEADER_BYTES],
        "half": mine[: HEADER_BYTES // 2],
        "torn": mine[:4] + bytes([16, 0, 0, 0]) + mine[8:],
    }.items():
        (tmp_path / f"{name}.wav").write_bytes(content)
    wav(tmp_path / "odd.wav", rate=22_050)
    wav(tmp_path / "high.wav", rate=96_000)
    with pytest.raises(ScenarioError, match=rf"x.yaml:3: .*{words}"):
        load(scenario(tmp_path, media))


def test_a_text_must_say_the_hash(tmp_path: Path) -> None:
    """A scenario that is in no folder has no files beside it."""
    with pytest.raises(ScenarioError, match=r"in no folder to look in; write its sha256"):
        loads("version: 1\nmedia: {audio: speech.wav}\n")
