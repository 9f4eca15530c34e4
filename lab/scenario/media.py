"""What `media:` means, and the sound file that it names: opened, checked and hashed before anything is started.

Law: a sound file is looked for beside the scenario, then among the shipped ones; it is taken as it is or refused, never
converted. A scenario that comes from no folder (a recording's own) is not looked for: it says hash and rate itself.
"""

from __future__ import annotations

import hashlib
import math
import re
import wave
from io import BytesIO
from pathlib import Path as File

from lab.errors import EnvironmentFault
from lab.paths import is_file
from lab.pcm import FRAME_MS, SAMPLE_RATE
from lab.scenario.model import Media, Sound
from lab.scenario.tree import FieldError, Path
from lab.scenario.units import format_frequency
from lab.scenario.written import AudioWritten, MediaWritten
from lab.share import share

MARKS = "marks"
_RATES_HZ = (8_000, 48_000)
_MAX_BYTES = 50_000_000
_UNTOLD = 0x7FFF0000 - 64
"""Who writes through a pipe cannot go back to say how long it was, and leaves a length that no file here has."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AUDIO: Path = ("media", "audio")
_RATE: Path = ("media", "sample_rate")


def media(written: MediaWritten, folder: File | None) -> Media:
    """Return the audio and the times; `folder` is the scenario's own, None when it has none. FieldError."""
    sound, rate = _sound(written, folder)
    return Media(
        duration_ms=written.duration,
        audio=sound,
        frame_ms=written.frame,
        sample_rate=rate,
        bitrate_bps=written.bitrate,
        red=written.red,
        dtx=written.dtx,
        settle_ms=written.settle,
        control_ms=written.control,
    )


def _sound(written: MediaWritten, folder: File | None) -> tuple[Sound | None, int]:
    """Return the sound file, None for the marks, and the rate at which audio is pushed."""
    audio, asked = written.audio, written.sample_rate
    if audio.sha256 is not None and (audio.file == MARKS or not _SHA256.fullmatch(audio.sha256)):
        raise FieldError((*_AUDIO, "sha256"), f"{audio.sha256}: the hash of a sound file, 64 hexadecimal digits")
    if audio.file == MARKS:
        return None, _checked_rate(SAMPLE_RATE if asked is None else asked, _RATE)
    if folder is None:
        return _recorded(audio, asked)
    path = _found(audio.file, folder)
    rate, digest = _opened(audio.file, path)
    if asked not in (None, rate):
        message = f"{format_frequency(asked or 0)}, but {audio.file} is at {format_frequency(rate)}; leave it out"
        raise FieldError(_RATE, message)
    if audio.sha256 not in (None, digest):
        raise FieldError((*_AUDIO, "sha256"), f"{audio.file} is another one: its hash is {digest}")
    return Sound(file=audio.file, sha256=digest, path=path), _checked_rate(rate, _AUDIO)


def _recorded(audio: AudioWritten, asked: int | None) -> tuple[Sound, int]:
    if audio.sha256 is None or asked is None:
        message = f"{audio.file}: this scenario is in no folder to look in; write its sha256, and media.sample_rate"
        raise FieldError(_AUDIO, message)
    return Sound(file=audio.file, sha256=audio.sha256), _checked_rate(asked, _RATE)


def _checked_rate(rate: int, field: Path) -> int:
    low, high = _RATES_HZ
    if rate % 100 or not low <= rate <= high:
        message = f"{format_frequency(rate)}: 8kHz to 48kHz, a whole number of samples in 10ms, is expected"
        raise FieldError(field, message)
    return rate


def _found(name: str, folder: File) -> File:
    """Return the file: beside the scenario, or shipped."""
    own, shipped = folder / name, _shipped()
    if is_file(own):
        return own
    if name in shipped:
        return shipped[name]
    message = f"{name}: neither a file (from the scenario's own folder) nor one of {', '.join([MARKS, *shipped])}"
    raise FieldError(_AUDIO, message)


def _shipped() -> dict[str, File]:
    try:
        return {file.name: file for file in sorted((share("scenarios") / "audio").glob("*.wav"))}
    except EnvironmentFault:
        return {}


def _opened(name: str, path: File) -> tuple[int, str]:
    """Return the rate and the hash of a sound file that can be pushed as it is."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FieldError(_AUDIO, f"{name}: more than {_MAX_BYTES // 10**6} MB; it is looped, a part of it will do")
        content = path.read_bytes()
        with wave.open(BytesIO(content), "rb") as sound:
            shape = sound.getnchannels(), 8 * sound.getsampwidth()
            rate, promised = sound.getframerate(), sound.getnframes()
            samples = 8 * len(sound.readframes(promised)) // math.prod(shape)
            streamed = promised * math.prod(shape) // 8 >= _UNTOLD
    except OSError as error:
        raise FieldError(_AUDIO, f"{name}: cannot be read ({error.strerror})") from error
    except (wave.Error, EOFError, RuntimeError) as error:  # the last one where a chunk is longer than the whole
        raise FieldError(_AUDIO, f"{name}: no WAV file of whole PCM ({str(error) or 'it ends early'})") from error
    if shape != (1, 16):
        raise FieldError(_AUDIO, f"{name}: {shape[0]} channels of {shape[1]} bits; mono, 16 bits, is expected")
    if samples < promised and not streamed:
        raise FieldError(_AUDIO, f"{name}: cut: {promised} samples promised, {samples} there; save it anew")
    if samples * 1000 < rate * FRAME_MS:
        raise FieldError(_AUDIO, f"{name}: {samples} samples; at least {FRAME_MS}ms are expected")
    return rate, hashlib.sha256(content).hexdigest()
