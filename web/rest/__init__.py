"""What all answers share: pages, order, sparse fields, tags, compression, and what is kept."""
