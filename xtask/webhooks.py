"""The real Python package of Standard Webhooks against a real server: every message must verify, through a rotation.

Started by `cargo xtask webhooks` with the server's address and key. Prints what was checked; the exit code says whether
all of it held.
"""

import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

SERVER, KEY = sys.argv[1], sys.argv[2]
BEFORE, AFTER = 60, 40
PATIENCE_S = 120

got, arrived = [], threading.Condition()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with arrived:
            got.append((dict(self.headers.items()), body))
            arrived.notify_all()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{SERVER}/api/v1{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def generate(count, mark):
    for n in range(count):
        call("POST", "/generations", {"recipe": "text", "input": {"prompt": f"{mark} {n}"}, "user": "ann"})


def wait_for(count):
    with arrived:
        assert arrived.wait_for(lambda: len(got) >= count, PATIENCE_S), f"{len(got)} of {count} messages arrived"
        return list(got)


def verified(messages, secret):
    receiver = Webhook(secret)
    count = 0
    for headers, body in messages:
        small = {name.lower(): value for name, value in headers.items()}
        try:
            receiver.verify(body, small)
            count += 1
        except WebhookVerificationError:
            pass
    return count


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
hook = call("POST", "/webhooks", {"url": f"http://127.0.0.1:{server.server_port}/hook", "events": ["completed"]})
path = f"/webhooks/{hook['id']}"

generate(BEFORE, "before")
first = wait_for(BEFORE)
rotated = call("POST", f"{path}/rotate", {"overlap": "1h"})
generate(AFTER, "after")
every = wait_for(BEFORE + AFTER)
old, new = hook["secret"], rotated["secret"]
assert verified(every, old) == len(every), "the old secret verifies everything during the overlap"
assert verified(every[BEFORE:], new) == AFTER, "the new secret verifies everything since the rotation"

ping = call("POST", f"{path}/ping", {})
with_ping = wait_for(len(every) + 1)
assert verified(with_ping[-1:], new) == 1 and json.loads(with_ping[-1][1])["type"] == "webhook.ping"

message = with_ping[0][0]["webhook-id"]
call("POST", f"/deliveries/{message}/redeliver", {})
again = wait_for(len(with_ping) + 1)
assert again[-1][0]["webhook-id"] == message and again[-1][1] == with_ping[0][1], "the same message under the same id"
assert verified(again[-1:], new) == 1

changed = [(headers, body.replace(b"completed", b"cancelled")) for headers, body in every]
assert verified(changed, old) == 0 and verified(changed, new) == 0, "what was changed does not verify"
strange = "whsec_" + "A" * 43 + "="
assert verified(every, strange) == 0, "another secret verifies nothing"

ids = {headers["webhook-id"] for headers, _ in every}
told = {json.loads(body)["seq"] for _, body in every}
events, after = [], 0
while True:
    page = call("GET", f"/events?type=generation.completed&after={after}&limit=1000")
    events += [event["seq"] for event in page["data"]]
    after = page["next_after"]
    if not page["has_more"]:
        break
assert len(ids) == len(every) == BEFORE + AFTER and told == set(events), "each event once, by its own number"
print(f"{len(again)} messages verified by the standardwebhooks package, {AFTER} of them after a rotation; 0 failures")
