"""Model artefacts shipped with lsbc."""
