// npm start -- sender|receiver|replay|adopt [--config FILE] [--key=value ...]: runs one service in the foreground; replay: the receiver's rejects once
// more; adopt: the volumes that share a record.
//
// CommonJS, since libuv reads how many threads it may have when it needs the first one, and that is before the first line of an ES module.
const { availableParallelism } = require('node:os');
const process = require('node:process');

const cores = availableParallelism();
// Threads sign, and wait for the disk. A sender does more of the one, a receiver more of the other: a journalling disk serves many at once.
const SENDING = Math.max(4, cores);
const STORING = Math.max(16, 2 * cores);

const services = {
  sender: { main: '../services/sender/dist/src/main.js', threads: SENDING },
  receiver: { main: '../services/receiver/dist/src/main.js', threads: STORING },
  replay: { main: '../services/receiver/dist/src/replay-main.js', threads: STORING },
  adopt: { main: '../services/receiver/dist/src/adopt-main.js', threads: STORING },
};
const [name, ...args] = process.argv.slice(2);
const service = services[name];
if (service === undefined) {
  process.stderr.write('Usage: npm start -- sender|receiver|replay|adopt --config FILE [--key=value ...]\n');
  process.exit(2);
}
// Set to nothing it would mean one thread.
process.env.UV_THREADPOOL_SIZE ||= String(service.threads);
// The service reads its own arguments from process.argv.
process.argv.splice(2, process.argv.length, ...args);
// What Node.js ends with when a module waits for what never comes; every service sets its own code.
process.exitCode = 13;
void import(service.main);
