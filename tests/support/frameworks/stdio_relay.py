"""A program whose standard input and output are another process's: passed on to a Unix socket,
whose path is the one argument. The standard library alone, so that it starts at once.
"""

import os
import socket
import sys
import threading


def main() -> None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(sys.argv[1])

    def there() -> None:
        while data := os.read(0, 1 << 16):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    threading.Thread(target=there, daemon=True).start()
    while data := connection.recv(1 << 16):
        while data:
            data = data[os.write(1, data) :]
    os._exit(0)


if __name__ == "__main__":
    main()
