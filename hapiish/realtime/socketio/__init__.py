"""Socket.IO 5 over the sessions of Engine.IO: namespaces, events, rooms and acknowledgements."""
