"""The host models' own land-use files: their formats and the rules that the hosts hold them to."""
