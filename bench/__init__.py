"""The measurements behind the claims: the data path beside its peers, the gate by simulation."""
