"""Loads as apel's loader does, with python-dirq: lock, get, remove, purge. Prints id, SHA-256 and name of each element that it removed."""
import hashlib
import json
import os
import signal
import sys
import time

from dirq.queue import Queue, QueueError

ROOT = sys.argv[1]
PURGE_SECONDS = 5
stopping = []


def take(queue, name):
    element = queue.get(name)
    line = {'id': element.get('empaid', ''), 'hash': hashlib.sha256(element['body']).hexdigest(), 'path': os.path.join(ROOT, name)}
    while True:
        try:
            queue.remove(name)
        except (OSError, QueueError):
            # Read-only or full. Once it has been renamed it is out of the queue, whether its files could be removed or not.
            if os.path.isdir(os.path.join(ROOT, name)):
                time.sleep(0.5)
                continue
        break
    print(json.dumps(line), flush=True)


def load(queue):
    name = queue.first()
    while name and not stopping:
        if queue.lock(name):
            take(queue, name)
        name = queue.next()


def opened():
    """Makes directories, which fails while the volume is read-only."""
    while not stopping:
        try:
            return Queue(ROOT, schema={'body': 'binary', 'signer': 'string', 'empaid': 'string?'})
        except OSError:
            time.sleep(0.5)


def main():
    # What is removed must be printed, too.
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    queue = opened()
    purged = time.monotonic()
    while not stopping:
        try:
            load(queue)
            if time.monotonic() - purged > PURGE_SECONDS:
                purged = time.monotonic()
                queue.purge(maxtemp=300, maxlock=600)
        except (OSError, QueueError) as error:
            print(error, file=sys.stderr, flush=True)
            time.sleep(0.5)
        time.sleep(0.2)


main()
