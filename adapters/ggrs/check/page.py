"""Serves the built page, opens it in Chromium, and prints what the game there played.

    page.py FOLDER CHROMIUM ROOM

FOLDER holds page.html, ggrs-check.js and ggrs-check_bg.wasm; ROOM is ws://HOST:PORT/ROOM.
"""

import functools
import http.server
import subprocess
import sys
import tempfile
import threading


class Page(http.server.SimpleHTTPRequestHandler):
    result = None
    arrived = threading.Event()

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        Page.result = self.rfile.read(length).decode()
        self.send_response(204)
        self.end_headers()
        Page.arrived.set()

    def log_message(self, *_):
        pass


def main():
    folder, chromium, room = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            [
                chromium,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                # Nothing on a test machine resolves the names that hide addresses.
                "--disable-features=WebRtcHideLocalIpsWithMdns",
                f"--user-data-dir={profile}",
                f"http://127.0.0.1:{server.server_port}/page.html?room={room}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            if not Page.arrived.wait(120):
                sys.exit("the page said nothing")
            print(Page.result)
        finally:
            browser.terminate()
            browser.wait()


if __name__ == "__main__":
    main()
