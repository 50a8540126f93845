"""Operations: what keeps a platform healthy over months: tidying, metrics, the servers' state."""
