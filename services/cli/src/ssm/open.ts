import { CONFIG_OPTION, type Command, EXIT, JSON_OPTION, LIST_OPTION } from './command.js';
import { loadGiven } from './config.js';
import { type Explanation, explain } from './explain.js';
import { readInput, writeOutput } from './files.js';
import { judgeOf } from './keys.js';
import { table } from './table.js';
import { complain, say, sayJson } from './terminal.js';

export const SERVICE_OPTION = {
  type: 'string',
  choices: ['sender', 'receiver'],
  doc: 'whose configuration it is, where that cannot be seen from it',
} as const;

export const openCommand: Command = {
  name: 'open',
  summary: 'decrypt and verify a message as the receiver would; without a broker',
  text: `The body goes to standard output, or to a file; nothing goes there unless the message passes every step.
Why it does not is said step by step on standard error.`,
  positionals: [{ name: 'FILE', doc: 'the message; - is standard input' }],
  options: {
    config: CONFIG_OPTION,
    dn_file: LIST_OPTION,
    service: SERVICE_OPTION,
    output: { type: 'string', short: 'o', value: 'FILE', doc: 'write the body to this new file; default: standard output' },
    explain: { type: 'boolean', doc: 'say every step, and do not write the body' },
    json: JSON_OPTION,
  },
  examples: [
    { line: 'ssm open -c receiver.cfg message.eml', what: 'the body' },
    { line: 'ssm open -c receiver.cfg --explain message.eml', what: 'each step of the verification' },
  ],
  run: async (given, terminal) => {
    const loaded = loadGiven(given, terminal);
    const raw = await readInput(given.positionals[0] ?? '-', loaded.config.limits.message, terminal);
    const explanation = await explain(raw, await judgeOf(loaded, terminal.now()));
    const { code, opened } = explanation;
    if (given.has('json')) sayJson(terminal, explanationJson(explanation));
    else if (given.has('explain')) say(terminal, stepsText(explanation));
    else if (code !== undefined || opened === undefined) complain(terminal, stepsText(explanation));
    else await writeOutput(given.text('output'), opened.body, terminal);
    return code === undefined ? EXIT.ok : EXIT.failed;
  },
};

export function stepsText({ steps }: Explanation): string {
  return table(
    ['STEP', 'RESULT', ''],
    steps.map(({ step, state, detail }) => [step, state, detail]),
  );
}

export function explanationJson({ steps, code, opened }: Explanation): object {
  return { accepted: code === undefined, code: code ?? null, signer: opened?.signer.toString() ?? null, steps };
}
