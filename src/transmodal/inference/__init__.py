"""From a source volume to a synthetic volume on the source's own grid."""
