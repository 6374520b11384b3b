"""The atlas simulator: anatomy, head, contrasts and acquisition of a virtual subject."""
