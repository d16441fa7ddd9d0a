"""Realtime over several processes: operations on the sockets of all processes, and the transport between processes.

`exchange` is the interface of operations, and its implementation for one process.
"""
