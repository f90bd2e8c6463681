import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Messages that a story is told of; the others are only counted. */
const TOLD = 3;
const BROKER_LINES = 40;
const MAXIMUM_LINES = 200;

interface LogLine {
  readonly time: string;
  readonly from: string;
  readonly text: string;
}

/** All that the services wrote, in time order; `directory` holds a file a service. */
function linesIn(directory: string): LogLine[] {
  return readdirSync(directory)
    .flatMap((file) =>
      readFileSync(path.join(directory, file), 'utf8')
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => ({ time: /"time":"([^"]+)"/.exec(text)?.[1] ?? '', from: path.parse(file).name, text })),
    )
    .toSorted((a, b) => (a.time < b.time ? -1 : 1));
}

/** What the logs of both sides say about each of the messages: by the empa-id, and by the delivery ids that are named together with it. */
export function storiesOf(ids: readonly string[], logs: string): string {
  const lines = linesIn(logs);
  const told = ids.slice(0, TOLD).map((id) => {
    const naming = lines.filter(({ text }) => text.includes(JSON.stringify(id)));
    const deliveries = new Set(naming.map(({ text }) => /"deliveryId":"([^"]+)"/.exec(text)?.[1]).filter((found) => found !== undefined));
    const all = lines.filter((line) => naming.includes(line) || [...deliveries].some((delivery) => line.text.includes(delivery)));
    return [`message ${id}:`, ...all.slice(-MAXIMUM_LINES).map(({ from, text }) => `  ${from}: ${text}`)].join('\n');
  });
  return [...told, ...(ids.length > TOLD ? [`and ${ids.length - TOLD} more`] : [])].join('\n');
}

export function tailOf(log: string, lines: number = BROKER_LINES): string {
  return log.trimEnd().split('\n').slice(-lines).join('\n');
}
