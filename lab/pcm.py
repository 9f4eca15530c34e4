"""The sound that everything here shares: mono, 48 kHz, made in frames of 20 ms and accounted for in blocks of 10 ms.

Numbers alone, so that whoever starts a run need not wait for numpy to be loaded.
"""

SAMPLE_RATE = 48_000
FRAME_MS = 20
BLOCK_MS = 10
FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000
BLOCK_SAMPLES = SAMPLE_RATE * BLOCK_MS // 1000
SILENT_LEVEL = 127
"""RFC 6464: the level of digital silence, in -dBov."""
