"""How loud samples are on the wire: what the SDK writes into its header extension."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lab.pcm import SILENT_LEVEL


def level_dbov(samples: NDArray[np.int16]) -> float:
    """Return the level of `samples` in -dBov, 0 (loudest) to 127 (silence), not yet rounded.

    RFC 6464 section 3; full scale is 32767, as in WebRTC's rms_level.cc.
    """
    mean_square = float(np.mean(np.square(samples.astype(np.float64)))) / 32767.0**2
    return SILENT_LEVEL if mean_square <= 0 else min(float(SILENT_LEVEL), -10 * np.log10(mean_square))
