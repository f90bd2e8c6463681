// npm start -- sender|receiver|replay|adopt [--config FILE] [--key=value ...]: runs one service in the foreground; replay: the receiver's rejects once
// more; adopt: the volumes that share a record.
import process from 'node:process';

const services = {
  sender: '../services/sender/dist/src/main.js',
  receiver: '../services/receiver/dist/src/main.js',
  replay: '../services/receiver/dist/src/replay-main.js',
  adopt: '../services/receiver/dist/src/adopt-main.js',
};
const [service, ...args] = process.argv.slice(2);
const main = services[service];
if (main === undefined) {
  process.stderr.write('Usage: npm start -- sender|receiver|replay|adopt --config FILE [--key=value ...]\n');
  process.exit(2);
}
// The service reads its own arguments from process.argv.
process.argv.splice(2, process.argv.length, ...args);
await import(main);
