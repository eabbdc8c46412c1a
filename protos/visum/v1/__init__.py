"""Version 1 of the messages and stubs of visum, generated from the .proto files beside this file."""
