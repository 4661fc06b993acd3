"""The sensors: health, alerts, the registry, pipelines that wait."""
