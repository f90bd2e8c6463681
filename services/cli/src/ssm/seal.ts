import { loadIdentity, sealMessage } from '@ssm/empa';
import { loadRecipients } from '@ssm/sender';
import { CONFIG_OPTION, type Command, EXIT } from './command.js';
import { loadSender } from './config.js';
import { readInput, writeOutput } from './files.js';

export const sealCommand: Command = {
  name: 'seal',
  summary: 'sign a file, and encrypt it, as the sender would; without a broker',
  text: 'Nothing is sent. The result is what a sender gives to its broker.',
  positionals: [{ name: 'FILE', doc: 'the file; - is standard input' }],
  options: {
    config: CONFIG_OPTION,
    to: { type: 'string', multiple: true, value: 'FILE', doc: 'certificate to encrypt for, in place of those of the configuration' },
    plain: { type: 'boolean', doc: 'sign only' },
    output: { type: 'string', short: 'o', value: 'FILE', doc: 'write to this new file; default: standard output' },
  },
  examples: [
    { line: 'ssm seal -c sender.cfg records.txt -o sealed.eml', what: 'as the sender does it' },
    { line: 'ssm seal --to server.pem records.txt | ssm open -c receiver.cfg -', what: 'would the server take it?' },
  ],
  run: async (given, terminal) => {
    const { config } = loadSender(given, terminal);
    const now = terminal.now();
    const body = await readInput(given.positionals[0] ?? '-', config.limits.body, terminal);
    const certificates = given.has('to') ? given.texts('to') : config.encryption.recipients;
    const recipients = given.has('plain') ? [] : await loadRecipients(certificates);
    const sealed = await sealMessage(body, {
      signer: await loadIdentity(config.identity, { now }),
      recipients: recipients.map(({ certificate }) => certificate),
      cipher: config.encryption.cipher,
      transferEncoding: config.message.transferEncoding,
      now,
    });
    await writeOutput(given.text('output'), sealed, terminal);
    return EXIT.ok;
  },
};
