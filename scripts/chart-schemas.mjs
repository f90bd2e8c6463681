// Installs what npm run test:chart validates the chart's output with: the schemas of Kubernetes, and of the kinds of KEDA, cert-manager and the
// Prometheus operator. 40 MB that nothing else needs, so they are no dependencies; exact versions, kept until these change.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const packages = [
  'kubernetes-models@5.1.0',
  '@kubernetes-models/cert-manager@4.4.4',
  '@kubernetes-models/keda@2.0.0',
  '@kubernetes-models/prometheus-operator@6.0.0',
];
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, 'node_modules', '.cache', 'ssm-chart-schemas');
const stamp = path.join(folder, 'installed');
const wanted = packages.join('\n');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  process.stderr.write('Installing the Kubernetes schemas ...\n');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--no-save', '--no-package-lock', '--no-fund', '--no-audit', '--loglevel=error', ...packages];
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (status !== 0) process.exit(1);
  writeFileSync(stamp, wanted);
}
