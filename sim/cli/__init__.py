"""The command `forebay`: one file a verb. Data to stdout, notes to stderr, each exit code one meaning.

No file here imports pandas, numba, pydantic or rich at its top: `forebay --help` must start at once.
"""
