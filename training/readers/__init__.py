"""Readers of land-use, climate, soil and height data as their producers ship them, window by window. Never a whole file in memory."""
