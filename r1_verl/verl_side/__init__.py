"""What runs inside veRL and vLLM; nothing else in the package imports them at its top."""
