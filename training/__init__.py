"""Training, evaluation and export of the network. Never imported by the coupled component."""
