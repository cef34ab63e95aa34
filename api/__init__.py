"""HTTP in, JSON out: handlers translate and nothing else."""

__version__ = "0.1.0"
