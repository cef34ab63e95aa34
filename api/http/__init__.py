"""HTTP as it is spoken here: requests, answers, refusals."""
