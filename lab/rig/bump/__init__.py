"""The bump: the one place of a lab where packets are delayed, lost, queued and blocked on purpose.

Two drivers, one device layout, one tree of qdiscs, one read-back: `kernel` uses this machine's netem, `vm` a small
virtual machine's where the host kernel has none.
"""
