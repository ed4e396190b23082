"""The cheapest size that meets its objectives: candidates, certificates, search, what stands around the answer."""
