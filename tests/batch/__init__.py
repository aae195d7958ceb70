"""What the tests of batches share: a server that bills, and jobs asked of it."""
