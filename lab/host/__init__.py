"""What concerns the machine and not a run: images, set-up, doctor."""
