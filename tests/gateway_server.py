"""A bench's gateway behind a real socket, in this process."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import boto3
import uvicorn
from botocore.config import Config

import countenance.wire.model
from countenance.gateway.asgi import Gateway


class Server:
    """uvicorn on a free port, in a thread, in front of a bench's pipeline."""

    def __init__(self, bench, **changes):
        self.bench = bench
        self.gateway = Gateway(
            bench.pipeline, **{"threads": 4, "max_bytes_in_flight": 256 << 20, "body_idle_s": 5.0} | changes
        )
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self.gateway, http="httptools", ws="none", lifespan="on", log_config=None, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()
        assert not self._thread.is_alive()

    def client(self, service="rekognition", *, key=None, secret=None, token=None, region="us-east-1"):
        session = boto3.Session(region_name=region)
        session._loader.search_paths.append(str(countenance.wire.model.data_path()))
        return session.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=key or self.bench.key.access_key_id,
            aws_secret_access_key=secret or self.bench.key.secret,
            aws_session_token=token,
            config=Config(
                retries={"total_max_attempts": 1}, parameter_validation=False, max_pool_connections=16
            ),
        )

    def connect(self):
        return contextlib.closing(socket.create_connection(("127.0.0.1", self.port), timeout=10))
