"""Pictures, one file a family; matplotlib is imported here, so import these where they are drawn."""
