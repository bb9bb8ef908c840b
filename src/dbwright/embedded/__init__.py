"""A PostgreSQL server of our own: started on demand, reachable by nobody else, gone without a trace afterwards.

    with EmbeddedServer.start(major=16) as server:
        psycopg.connect(server.conninfo())

`binaries` finds a server program, `private` makes and clears the directory it lives in, `server` is what callers use,
and `supervisor` is the small process that ends the server however its owner ends.
"""

from dbwright.embedded.binaries import NoServerBinaries, ServerBinaries, choose, find_servers
from dbwright.embedded.failure import EmbeddedServerError
from dbwright.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer", "EmbeddedServerError", "NoServerBinaries", "ServerBinaries", "choose", "find_servers"]
