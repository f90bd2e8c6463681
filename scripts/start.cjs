// npm start -- sender|receiver|replay|adopt [--config FILE] [--key=value ...]: runs one service in the foreground; replay: the receiver's rejects once
// more; adopt: the volumes that share a record. In the image also ssmsend and ssmreceive, with the command lines of these.
//
// CommonJS, since libuv reads how many threads it may have when it needs the first one, and that is before the first line of an ES module.
const { readdirSync, stat } = require('node:fs');
const { availableParallelism, getPriority, setPriority } = require('node:os');
const process = require('node:process');
const { isatty } = require('node:tty');

// Without a terminal SIGHUP asks for a reload, and ends a process that does not listen for it: one that comes before the service does is harmless.
if (!isatty(1)) process.on('SIGHUP', () => undefined);

const cores = availableParallelism();
// Threads sign, and wait for the disk. A sender does more of the one, a receiver more of the other: a journalling disk serves many at once.
const SENDING = Math.max(4, cores);
const STORING = Math.max(8, 2 * cores);
/** Steps of nice(1): a third of the time that the other has, where both want a processor. */
const LESS_URGENT = 5;
const LEAST_URGENT = 19;

const services = {
  sender: { main: '../services/sender/dist/src/main.js', threads: SENDING },
  receiver: { main: '../services/receiver/dist/src/main.js', threads: STORING },
  replay: { main: '../services/receiver/dist/src/replay-main.js', threads: STORING },
  adopt: { main: '../services/receiver/dist/src/adopt-main.js', threads: STORING },
  ssmsend: { main: '../services/cli/dist/src/ssmsend.js', threads: SENDING },
  ssmreceive: { main: '../services/cli/dist/src/ssmreceive.js', threads: STORING },
};
const [name, ...args] = process.argv.slice(2);
const service = services[name];
if (service === undefined) {
  process.stderr.write('Usage: npm start -- sender|receiver|replay|adopt --config FILE [--key=value ...]\n');
  process.exit(2);
}
// Set to nothing it would mean one thread.
process.env.UV_THREADPOOL_SIZE ||= String(service.threads);
letThreadsGiveWay();
// The service reads its own arguments from process.argv.
process.argv.splice(2, process.argv.length, ...args);
// What Node.js ends with when a module waits for what never comes; every service sets its own code.
process.exitCode = 13;
void import(service.main);

/**
 * libuv's threads get a lower priority than the main thread, which gives them their work: a thread that wakes up to sign does not interrupt it
 * then, and goes to another processor if one is idle. On Linux every thread has a priority of its own (setpriority(2)); where that cannot be
 * set, nothing is lost but speed.
 */
function letThreadsGiveWay() {
  if (process.platform !== 'linux') return;
  try {
    const threads = () => readdirSync('/proc/self/task').map(Number);
    const others = new Set(threads());
    // A /proc of other namespaces has other numbers.
    if (!others.has(process.pid)) return;
    // The first call that needs a thread starts all of them.
    stat('/', () => undefined);
    const priority = Math.min(getPriority() + LESS_URGENT, LEAST_URGENT);
    for (const thread of threads()) if (!others.has(thread)) setPriority(thread, priority);
  } catch {
    // No /proc, or a filter of system calls.
  }
}
