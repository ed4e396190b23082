"""What Forebay claims in figures, measured: `python -m benchmarks` lists them. See README.md beside this file."""
