"""The other side of the conformance tests: python-dirq, as producers and loaders use it. Prints a line for each thing that it did."""
import sys
import time

from dirq.queue import Queue
from dirq.QueueSimple import QueueSimple

SCHEMA = {'body': 'string', 'signer': 'string', 'empaid': 'string?'}


def say(line):
    print(line, flush=True)


def simple_add(path, count):
    queue = QueueSimple(path)
    for index in range(count):
        say('added %s' % queue.add(('python%d' % index).encode()))


def simple_take(path, count):
    queue = QueueSimple(path)
    taken = 0
    while taken < count:
        for name in queue:
            if not queue.lock(name):
                continue
            say('taken %s' % queue.get(name).decode())
            queue.remove(name)
            taken += 1
        queue.purge()


def simple_lock(path, count):
    queue = QueueSimple(path)
    for name in queue:
        say('locked %s' % queue.lock(name))


def simple_purge(path, count):
    queue = QueueSimple(path)
    say('started')
    while True:
        queue.purge(maxtemp=300, maxlock=600)


def normal_add(path, count):
    queue = Queue(path, schema=SCHEMA, maxelts=5)
    for index in range(count):
        say('added %s' % queue.add({'body': 'python%d' % index, 'signer': '/C=UK', 'empaid': 'x'}))


def normal_take(path, count):
    queue = Queue(path, schema=SCHEMA)
    taken = 0
    while taken < count:
        name = queue.first()
        while name:
            if queue.lock(name):
                say('taken %s' % queue.get(name)['body'])
                queue.remove(name)
                taken += 1
            name = queue.next()
    # Not earlier: it would remove the temporary directory of another python-dirq that is just adding.
    queue.purge()


def normal_purge(path, count):
    queue = Queue(path, schema=SCHEMA)
    say('started')
    while True:
        try:
            queue.purge(maxtemp=1, maxlock=600)
        except OSError:
            # It does not expect that somebody fills a directory while it removes it.
            pass
        time.sleep(0.003)


globals()[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
