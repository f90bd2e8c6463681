import { receiverService, type receiverSettings } from '@ssm/receiver';
import type { ClassicCommand } from './run.js';

const HELP = `Use: ssmreceive [-c FILE] [-d FILE] [--KEY=VALUE ...]

Receives messages in the foreground until SIGTERM: 0 when it stopped in order, 1 when anything failed, 2 for a wrong command line.
SIGHUP reads certificates, CRLs and lists again, and opens the log file again.

  -c, --config FILE      configuration; default /etc/apel/receiver.cfg, or what SSM_CONFIG names.
                         FILE.cfg, .conf, .ini: as the Python SSM has it. FILE.yaml, .yml, .json: with the keys of this SSM
  -d, --dn_file FILE     who may send, one DN a line; default /etc/apel/dns
  -v, --version          the version
  -h, --help             this text
  --help-settings        every setting, with its variable and default; each is an option, too, and weighs more than the file
  -l, --log_config FILE  accepted and ignored

Examples:
  ssmreceive
  ssmreceive -c /etc/apel/receiver.cfg -d /etc/apel/dns --ops.port=9202
  ssm check -c /etc/apel/receiver.cfg           what is wrong, if something is
`;

export function ssmreceive(version: string): ClassicCommand<typeof receiverSettings> {
  return {
    name: 'ssmreceive',
    service: 'receiver',
    definition: receiverService(version),
    defaultFile: '/etc/apel/receiver.cfg',
    without: [],
    presets: {},
    help: HELP,
  };
}
