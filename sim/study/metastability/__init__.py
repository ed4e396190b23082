"""Does it come back by itself: fates after a trigger, maps, margins, ways out."""
