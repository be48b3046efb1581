"""The bidder side: drafting, sealing, packing, submitting, releasing."""
