"""The wizard: from a repository and two addresses to a policy that says why each line stands there."""
