"""Source to destination as assets, jobs and schedules."""
