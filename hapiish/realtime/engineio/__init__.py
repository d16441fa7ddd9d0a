"""Engine.IO 4 over HTTP long polling and WebSockets: the sessions of clients, without Socket.IO."""
