import { senderService, type senderSettings } from '@ssm/sender';
import type { ClassicCommand } from './run.js';

const HELP = `Use: ssmsend [-c FILE] [--KEY=VALUE ...]

Sends every file of the outgoing queue, then exits: 0 when all was sent, 1 when anything failed, 2 for a wrong command line.

  -c, --config FILE      configuration; default /etc/apel/sender.cfg, or what SSM_CONFIG names.
                         FILE.cfg, .conf, .ini: as the Python SSM has it. FILE.yaml, .yml, .json: with the keys of this SSM
  -v, --version          the version
  -h, --help             this text
  --help-settings        every setting, with its variable and default; each is an option, too, and weighs more than the file
  -l, --log_config FILE  accepted and ignored

Examples:
  ssmsend                                       what cron runs
  ssmsend -c /etc/apel/storage.cfg --log.level=debug
  ssmsend --no-once --ops.port=9101             stays, and sends what comes; health at http://127.0.0.1:9101/health/ready
  ssm check -c /etc/apel/sender.cfg             what is wrong, if something is
`;

export function ssmsend(version: string): ClassicCommand<typeof senderSettings> {
  return {
    name: 'ssmsend',
    service: 'sender',
    definition: senderService(version),
    defaultFile: '/etc/apel/sender.cfg',
    without: ['dn_file'],
    // Jobs of cron overlap: none may be refused because another has the port.
    presets: { once: 'true', 'ops.port': '0' },
    help: HELP,
  };
}
