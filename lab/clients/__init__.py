"""Programs that run inside the lab's containers; mounted read-only, never baked into an image.

`python -u -m lab.clients` is a participant (publisher, subscriber or both), `lab.clients.background` is competing
traffic, `lab.clients.pacer` watches the machine. All take LAB_DIR (a writable folder), wait for `LAB_DIR/go` and
end on SIGTERM within a second. They need lab.marks, lab.faults, lab.probe and this package, nothing else of the lab.
"""
