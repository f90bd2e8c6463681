// node scripts/install-brokers.mjs: installs the real brokers that `npm run test:brokers` needs. For root on Debian; does nothing that is already done.
//   ActiveMQ Classic 5 and RabbitMQ 3  Debian's own packages; their services are not started
//   ActiveMQ Classic 6 and Artemis     from Maven Central, by mvn and its settings on this machine
//   RabbitMQ 4                         from the next Debian, unpacked into a directory of its own, from the mirror that apt is set to
// The last three go below SSM_BROKERS_DIR, or ~/.cache/ssm-brokers.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import process, { getuid } from 'node:process';

const { PATH = '', SSM_BROKERS_DIR: CACHE = path.join(homedir(), '.cache', 'ssm-brokers') } = process.env;

/** The newest that run on Java 17. */
const ACTIVEMQ = '6.3.1';
const ARTEMIS = '2.44.0';
/** What ActiveMQ's own distribution holds of this, and the writer of its statistics. */
const ACTIVEMQ_JARS = [
  ...['console', 'spring', 'kahadb-store', 'stomp', 'jaas'].map((part) => `org.apache.activemq:activemq-${part}:${ACTIVEMQ}`),
  'org.springframework:spring-context:7.0.8',
  'org.slf4j:slf4j-simple:2.0.18',
  'com.thoughtworks.xstream:xstream:1.4.21',
];
const DEBIAN_OF_RABBITMQ_4 = 'trixie';
/** Documentation is left out. */
const WITHOUT = ['man', 'locale', 'doc'].map((directory) => `--dpkgopt=path-exclude=/usr/share/${directory}/*`);

const PACKAGES = ['activemq', 'libxstream-java', 'rabbitmq-server', 'mmdebstrap', 'openssl', 'util-linux', 'ca-certificates'];
/** Only where no other one is there. */
const COMMANDS = { java: 'default-jre-headless', mvn: 'maven' };

const say = (line) => process.stdout.write(`${line}\n`);

function fail(why) {
  process.stderr.write(`brokers:install: ${why}\n`);
  process.exit(1);
}

function run(command, args, options = {}) {
  const started = performance.now();
  say(`  ${command} ${args.join(' ')}`.slice(0, 160));
  const result = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', maxBuffer: 2 ** 28, ...options });
  if (result.status !== 0)
    fail(`${command} failed (${result.error?.message ?? `exit ${result.status}`}):\n${`${result.stdout}${result.stderr}`.slice(-4000)}`);
  say(`  ... ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return result.stdout;
}

function isInstalled(name) {
  return spawnSync('dpkg-query', ['-W', '-f', '$'.concat('{db:Status-Status}'), name], { encoding: 'utf8' }).stdout === 'installed';
}

function onPath(command) {
  return PATH.split(path.delimiter).some((directory) => existsSync(path.join(directory, command)));
}

/** What apt-get installs starts no service: they would take the brokers' usual ports. */
function withoutServices(work) {
  const policy = '/usr/sbin/policy-rc.d';
  if (!existsSync(policy)) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    process.on('exit', () => rmSync(policy, { force: true }));
  }
  work();
}

function installPackages() {
  const commands = Object.entries(COMMANDS).filter(([command]) => !onPath(command));
  const missing = [...PACKAGES.filter((name) => !isInstalled(name)), ...commands.map(([, name]) => name)];
  if (missing.length === 0) return;
  say(`Debian packages: ${missing.join(', ')}`);
  const apt = ['-qq', '-o', 'DPkg::Lock::Timeout=300'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', [...apt, 'update'], { env });
  withoutServices(() => run('apt-get', [...apt, 'install', '-y', '--no-install-recommends', ...missing], { env }));
}

/** Makes DIRECTORY whole or not at all; `version` says when it must be made anew. */
function once(name, version, make) {
  const directory = path.join(CACHE, name);
  const stamp = path.join(directory, '.ssm-version');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === version) return;
  say(`${name}: ${version}`);
  const fresh = `${directory}.new`;
  for (const old of [fresh, directory]) rmSync(old, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  make(fresh);
  writeFileSync(path.join(fresh, '.ssm-version'), version);
  renameSync(fresh, directory);
}

function dependency(artifact) {
  const [group, name, version, type = 'jar', classifier] = artifact.split(':');
  const more = classifier === undefined ? '' : `<classifier>${classifier}</classifier>`;
  return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version><type>${type}</type>${more}</dependency>`;
}

/** Artifacts, `GROUP:NAME:VERSION[:TYPE:CLASSIFIER]`, and what they need, into a directory. */
function fromMaven(artifacts, directory) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'ssm-maven-'));
  writeFileSync(
    path.join(scratch, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>ssm</groupId><artifactId>brokers</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${artifacts.map(dependency).join('\n')}</dependencies></project>`,
  );
  run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${directory}`], { cwd: scratch });
  rmSync(scratch, { recursive: true, force: true });
}

function installArtemis(directory) {
  const archives = mkdtempSync(path.join(tmpdir(), 'ssm-artemis-'));
  fromMaven([`org.apache.activemq:apache-artemis:${ARTEMIS}:tar.gz:bin`], archives);
  const archive = readdirSync(archives).find((name) => name.endsWith('.tar.gz'));
  if (archive === undefined) fail(`mvn brought no archive of Artemis ${ARTEMIS}`);
  mkdirSync(directory);
  run('tar', ['-xzf', path.join(archives, archive), '--strip-components=1', '--no-same-owner', '-C', directory]);
  rmSync(archives, { recursive: true, force: true });
}

/** The mirror of Debian itself that this machine's apt uses. */
function mirror() {
  const fields = ['indextargets', '--format', '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)', 'Created-By: Packages'];
  const find = () => spawnSync('apt-get', fields, { encoding: 'utf8' }).stdout.match(/^Debian main [a-z]+ (\S+)$/m)?.[1];
  const known = find();
  if (known !== undefined) return known;
  run('apt-get', ['-qq', 'update']);
  return find() ?? fail('apt knows no mirror of Debian');
}

function installRabbitmq4(directory) {
  run('mmdebstrap', ['--variant=minbase', '--include=rabbitmq-server', ...WITHOUT, DEBIAN_OF_RABBITMQ_4, directory, mirror()]);
}

if (getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) fail('this needs root on Debian');
installPackages();
once('activemq6', ACTIVEMQ_JARS.join(' '), (directory) => fromMaven(ACTIVEMQ_JARS, path.join(directory, 'lib')));
once('artemis', ARTEMIS, installArtemis);
once('rabbitmq4', DEBIAN_OF_RABBITMQ_4, installRabbitmq4);
say(`ActiveMQ Classic 5 and 6, Artemis, RabbitMQ 3 and 4 are there (${CACHE}).`);
