"""HTTP in, JSON out: handlers translate and nothing else."""
