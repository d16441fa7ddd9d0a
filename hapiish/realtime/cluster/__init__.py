"""Realtime over several processes: operations on the sockets of all processes, and the transport between processes.

`operator` has the methods of `request.server` that operate on rooms. `operations` performs them in a process.
`exchange` is the interface between both, and its implementation for one process.
"""
