"""What every visum server shares: settings, start-up, health, drain, queue, errors, metrics, logs, images to views."""
