"""Messages of visum."""
