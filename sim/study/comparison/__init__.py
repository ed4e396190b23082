"""Two or more scenarios side by side, replication by replication: what differs, by how much, from where on."""
