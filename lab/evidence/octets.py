"""Many places of a file at once: the octets there, and what a layout finds in them.

Law: behind the end of the file there are zeros, as many as are asked for. What is read at a place is the caller's to
believe: behind a packet's end it is another's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Octets = NDArray[np.uint8]
Ints = NDArray[np.int64]
Headers = NDArray[np.void]
Numbers = NDArray[np.integer]


def octets(data: Octets, at: Ints, size: int) -> Octets:
    """Return the `size` octets from each place of `data` on, a row each."""
    if data.size < size:
        data = np.append(data, np.zeros(size, np.uint8))
    edge = data.size - size
    windows = np.ndarray(edge + 1, f"V{size}", buffer=data, strides=(1,))
    beyond = np.flatnonzero(at > edge) if at.max(initial=0) > edge else ()
    rows: Octets = windows[np.minimum(at, edge) if len(beyond) else at].view(np.uint8).reshape(at.size, size)
    for row in beyond:
        left = data[at[row] :]
        rows[row, : left.size], rows[row, left.size :] = left, 0
    return rows


def headers(data: Octets, at: Ints, layout: np.dtype[np.void]) -> Headers:
    """Return what `layout` finds at each place of `data`."""
    return octets(data, at, layout.itemsize).view(layout)[:, 0]


def distinct(values: Numbers) -> Numbers:
    """Return the different ones of `values`, rising; fast where neighbours are mostly equal."""
    fresh = values[1:] != values[:-1]
    return np.unique(np.append(values[:1], values[1:][fresh])) if fresh.any() else values[:1].copy()


def alike(values: Numbers) -> Iterator[tuple[int, Ints | slice]]:
    """Yield each different one of `values`, rising, and where it is; all of one value are picked without copying."""
    found = distinct(values)
    for value in found.tolist():
        yield value, np.flatnonzero(values == value) if found.size > 1 else slice(None)
