"""One relational schema per role; legal invariants are constraints, signed objects are kept as signed bytes."""
