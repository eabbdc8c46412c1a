"""The families of objects: their bodies, default parts, and the parts that tell classes apart."""
