"""Who uses which connector, in all code locations of a workspace."""
