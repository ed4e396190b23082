"""What there is room for, and until when: headroom, demand to come, purchases."""
