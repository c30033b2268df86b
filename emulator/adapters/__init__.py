"""Other frameworks' faces of the coupled component: each a thin file that gives the same bits as the C calls."""
