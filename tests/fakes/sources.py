"""What images are made of, for tests: an empty tarball instead of Debian and LiveKit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.host import sources


def quick_sources(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Let makers pack nothing, and this machine trust a bundle in `folder`, which is returned."""
    bundle = folder / "bundle.crt"
    bundle.write_text("CERTIFICATE")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    real = (sources.debian, sources.server)

    def make(work: Path) -> Path:
        (work / "made.tar").touch()
        return work / "made.tar"

    monkeypatch.setattr(sources, "debian", lambda: replace(real[0](), make=make))
    monkeypatch.setattr(sources, "server", lambda version: replace(real[1](version), make=make))
    return bundle
