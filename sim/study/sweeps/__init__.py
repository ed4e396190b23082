"""One scenario at many points, kept as they are finished."""
