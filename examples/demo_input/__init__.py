"""What the demonstration is made of: open data, host grids and a scenario. Used by examples/demo_data.py only."""
