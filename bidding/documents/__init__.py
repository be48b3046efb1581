"""PDFs that the bidder's side makes, takes in, joins and shows."""
