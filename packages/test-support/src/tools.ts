import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process, { getuid } from 'node:process';

/** What conformance suites may need beyond Node and npm. */
export type Tool =
  | 'logrotate'
  | 'openssl'
  | 'python3'
  | 'python3-dirq'
  | 'argo-ams-library'
  | 'igtf'
  | 'certtool'
  | 'cmsutil'
  | 'redis'
  | 'root'
  | 'runuser'
  | 'systemd-analyze'
  | 'libfaketime'
  | 'ip'
  | 'iptables'
  | 'unshare'
  | 'mkfs.ext4'
  | 'docker'
  | 'helm'
  | 'prometheus'
  | 'alertmanager'
  | 'fetch-crl';

export const PYTHON = '/usr/bin/python3';

/** Where argo-ams-library is, for PYTHONPATH. */
export function argoLibraryPath(): string {
  return process.env['SSM_TEST_ARGO_LIBRARY'] ?? path.join(tmpdir(), 'ssm-argo-ams-library');
}

/** Where the CAs of the IGTF are, a directory for each profile. Not installed: other tests would find them in /etc/grid-security. */
export function igtfPath(): string {
  return path.join(process.env['SSM_TEST_IGTF'] ?? path.join(tmpdir(), 'ssm-igtf'), 'usr/share/igtf-policy');
}

function canImport(module: string, env: NodeJS.ProcessEnv = process.env): boolean {
  return existsSync(PYTHON) && spawnSync(PYTHON, ['-c', `import ${module}`], { env }).status === 0;
}

function onPath(command: string): boolean {
  const { PATH } = process.env;
  return (PATH ?? '').split(path.delimiter).some((directory) => {
    try {
      accessSync(path.join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Debian puts it below the directory of the machine's kind. */
export function fakeTimeLibrary(): string | undefined {
  const roots = ['/usr/lib', ...readdirSync('/usr/lib').map((name) => path.join('/usr/lib', name))];
  return roots.map((root) => path.join(root, 'faketime/libfaketime.so.1')).find((file) => existsSync(file));
}

/** The name that Debian gives to the command, and its own. */
const ALERTMANAGERS = ['prometheus-alertmanager', 'alertmanager'];

const TOOLS: Readonly<Record<Tool, { readonly present: () => boolean; readonly get: string }>> = {
  logrotate: { present: () => onPath('logrotate'), get: 'apt-get install logrotate' },
  openssl: { present: () => onPath('openssl'), get: 'apt-get install openssl' },
  python3: { present: () => existsSync(PYTHON), get: `apt-get install python3 (used as ${PYTHON})` },
  'python3-dirq': {
    present: () => canImport('dirq.queue'),
    get: `apt-get install python3-dirq (used with ${PYTHON})`,
  },
  redis: { present: () => onPath('redis-server') && onPath('redis-cli'), get: 'apt-get install redis-server' },
  'argo-ams-library': {
    present: () => canImport('argo_ams_library', { ...process.env, PYTHONPATH: argoLibraryPath() }),
    get: `pip install --target ${argoLibraryPath()} argo-ams-library==1.0.0 (used with ${PYTHON})`,
  },
  igtf: {
    present: () => existsSync(igtfPath()),
    get: 'igtf-policy-classic and others by apt-get download and dpkg -x, see .ci/conformance',
  },
  certtool: { present: () => onPath('certtool'), get: 'apt-get install gnutls-bin' },
  cmsutil: { present: () => onPath('cmsutil') && onPath('certutil') && onPath('pk12util'), get: 'apt-get install libnss3-tools' },
  root: { present: () => getuid?.() === 0, get: 'run this suite as root' },
  ip: { present: () => onPath('ip'), get: 'apt-get install iproute2' },
  iptables: { present: () => onPath('iptables'), get: 'apt-get install iptables' },
  unshare: { present: () => onPath('unshare'), get: 'apt-get install util-linux' },
  'mkfs.ext4': { present: () => onPath('mkfs.ext4'), get: 'apt-get install e2fsprogs' },
  libfaketime: { present: () => fakeTimeLibrary() !== undefined, get: 'apt-get install libfaketime' },
  'systemd-analyze': { present: () => onPath('systemd-analyze'), get: 'apt-get install systemd' },
  runuser: { present: () => onPath('runuser'), get: 'apt-get install util-linux' },
  docker: {
    present: () => onPath('docker') && ['info', 'compose version'].every((args) => spawnSync('docker', args.split(' ')).status === 0),
    get: 'a running Docker Engine 25 or later with Compose, see https://docs.docker.com/engine/install',
  },
  helm: { present: () => onPath('helm'), get: 'helm 3 or 4 on the PATH, see https://helm.sh/docs/intro/install' },
  prometheus: { present: () => onPath('prometheus') && onPath('promtool'), get: 'apt-get install prometheus' },
  alertmanager: { present: () => ALERTMANAGERS.some(onPath), get: 'apt-get install prometheus-alertmanager' },
  'fetch-crl': { present: () => onPath('fetch-crl'), get: 'apt-get install fetch-crl' },
};

/**
 * For the `skip` option of a conformance suite: `false` when everything is there, else a line that says what is missing and how to get it.
 * Throws instead when the environment says CI=true: there no suite may be left out.
 */
export function requireTools(...tools: readonly Tool[]): string | false {
  const missing = tools.filter((tool) => !TOOLS[tool].present());
  if (missing.length === 0) return false;
  const message = `needs ${missing.map((tool) => `${tool}: ${TOOLS[tool].get}`).join('; ')}`;
  const { CI } = process.env;
  if (CI === 'true') throw new Error(message);
  return message;
}
