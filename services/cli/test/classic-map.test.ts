import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { receiverSettings } from '@ssm/receiver';
import { senderSettings } from '@ssm/sender';
import { describeSettings, loadConfig, type Preset } from '@ssm/service-kit';
import { CLASSIC_KEYS, type ServiceName } from '../src/classic/keys.js';
import { mapClassic } from '../src/classic/map.js';
import { parseIni } from '../src/ini/parse.js';

const SETTINGS = { sender: senderSettings, receiver: receiverSettings };
const known = (service: ServiceName): Set<string> => new Set(describeSettings(SETTINGS[service]).map(({ key }) => key));

function map(service: ServiceName, text: string): Preset {
  return mapClassic('x.cfg', parseIni(text), service);
}

const raw = ({ values }: Preset): Record<string, unknown> => Object.fromEntries([...values].map(([key, value]) => [key, value.raw]));

const urls = (text: string): unknown => raw(map('sender', text))['broker.urls'];

const BROKER = '[broker]\nhost: b.example.org\nport: 61613\n';

describe('an old sender.cfg', () => {
  it('becomes settings, each with its line', () => {
    const preset = map(
      'sender',
      `${BROKER}use_ssl: TRUE\n[certificates]\ncertificate: /c\nkey = /k\ncapath: /ca\nserver_cert: /s,1.pem\nverify_server_cert: no\n` +
        '[messaging]\ndestination: /queue/q\npath: /out\npath_type: directory\n[logging]\nlogfile: /var/log/x\nlevel: WARN\nconsole: off\n',
    );
    assert.deepEqual(preset.faults, []);
    assert.deepEqual(preset.warnings, []);
    assert.deepEqual(raw(preset), {
      'broker.urls': ['stomp+ssl://b.example.org:61613'],
      'broker.destination': '/queue/q',
      'outgoing.path': '/out',
      'outgoing.layout': 'directory',
      'identity.certificate': '/c',
      'identity.key': '/k',
      'trust.directory': '/ca',
      'encryption.recipients': ['/s,1.pem'],
      'encryption.verifyRecipients': 'false',
      'log.file': '/var/log/x',
      'log.level': 'warn',
      'log.console': 'false',
    });
    assert.equal(preset.values.get('identity.key')?.source, 'x.cfg:7 [certificates] key');
    const config = loadConfig(senderSettings, { preset, env: {}, args: [] });
    assert.deepEqual(config.encryption.recipients, ['/s,1.pem']);
  });

  it('has TLS unless it says no; addresses of version 6 get their brackets', () => {
    assert.deepEqual(urls(`${BROKER}use_ssl: 0\n`), ['stomp://b.example.org:61613']);
    assert.deepEqual(urls('[broker]\nhost: ::1\nport: 1\n'), ['stomp+ssl://[::1]:1']);
    assert.deepEqual(urls('[broker]\nhost: [::1]\nport: 1\n'), ['stomp+ssl://[::1]:1']);
  });

  it('says of bad values where they stand and what is allowed', () => {
    const { faults } = map(
      'sender',
      '[broker]\nhost: a b\nport: 99999\nuse_ssl: maybe\n[certificates]\nkey:\nserver_cert:\n[messaging]\npath_type: dir\npath:\n' +
        '[logging]\nlevel: debug\nconsole: yes ; please\n[sender]\nprotocol: amqp\n',
    );
    assert.deepEqual(faults, [
      'x.cfg:15 [sender] protocol: "amqp" is not allowed; allowed: STOMP or AMS',
      'x.cfg:10 [messaging] path: "" is not allowed; allowed: the path of a directory',
      'x.cfg:6 [certificates] key: "" is not allowed; allowed: the path of a PEM file',
      'x.cfg:7 [certificates] server_cert: "" is not allowed; allowed: the path of a PEM file; leave the key out to sign only',
      'x.cfg:9 [messaging] path_type: "dir" is not allowed; allowed: one of dirq, directory',
      'x.cfg:12 [logging] level: "debug" is not allowed; allowed: one of DEBUG, INFO, WARN, ERROR, CRITICAL',
      'x.cfg:13 [logging] console: "yes ; please" is not allowed; allowed: true or false (also yes, no, on, off, 1, 0). A comment needs a line of its own',
    ]);
    const broker = map('sender', '[broker]\nhost: a b\nport: 99999\nuse_ssl: maybe\n').faults.join('\n');
    assert.match(broker, /x\.cfg:2 \[broker\] host: "a b"/);
    assert.match(broker, /x\.cfg:3 \[broker\] port: "99999" is not allowed; allowed: a port number, 1 to 65535/);
    assert.match(broker, /x\.cfg:4 \[broker\] use_ssl: "maybe"/);
  });

  it('with faults of syntax or interpolation names their lines', () => {
    const { faults } = map('sender', `${BROKER}[messaging]\npath: /100%\nwhat\npath: /x\n`);
    assert.deepEqual(faults, [
      'x.cfg:6: is neither "key: value" nor a [section]',
      'x.cfg:7: path is there a second time in [messaging]',
      'x.cfg:5 [messaging] path: has a single %: write %% for a percent sign, %(name)s for the value of another key',
    ]);
  });

  it('warns of unknown keys and sections and of what the service does not use, and goes on', () => {
    const { faults, warnings } = map(
      'sender',
      `${BROKER}hosts: x\n[certificate]\nkey: /k\n[messaging]\ncapath: /c\npath: /x\n[daemon]\npidfile: /p\n[certificates]\ncheck_crls: true\n[DEFAULT]\nbase: /x\n[sender]\n`,
    );
    assert.deepEqual(faults, []);
    assert.deepEqual(warnings, [
      'x.cfg:4 [broker] hosts: unknown key; did you mean host?',
      'x.cfg:5 [certificate]: unknown section; did you mean [certificates]?',
      'x.cfg:8 [messaging] capath: unknown key; it belongs into [certificates]',
      'x.cfg:11 [daemon] pidfile: the sender does not use it',
      'x.cfg:13 [certificates] check_crls: the sender does not use it',
    ]);
  });

  it('takes values of DEFAULT and of other keys', () => {
    const preset = map(
      'sender',
      `[DEFAULT]\nbase: /srv\n${BROKER}[certificates]\ncertificate: %(base)s/c%%.pem\n[messaging]\npath: %(base)s/out\n`,
    );
    assert.equal(raw(preset)['identity.certificate'], '/srv/c%.pem');
    assert.equal(raw(preset)['outgoing.path'], '/srv/out');
  });

  it('that asks for a BDII must name the broker', () => {
    assert.match(
      map('sender', '[broker]\nbdii: ldap://x\nnetwork: PROD\n').faults.join(),
      /x\.cfg:2 \[broker\] bdii: .*name the broker with host and port/,
    );
    const both = map('sender', `${BROKER}bdii: ldap://x\n[messaging]\npath: /x\n`);
    assert.deepEqual(both.faults, []);
    assert.match(both.warnings.join(), /not looked up in a BDII; the broker of host and port is used/);
    assert.match(map('sender', '[messaging]\npath: /x\n').faults.join(), /host: is required.*port: is required/s);
  });

  it('never shows a token', () => {
    const preset = map(
      'sender',
      `[sender]\nprotocol: AMS\n[broker]\nhost: h\n[messaging]\nams_project: p\ntoken: SECRET\ndestination: t\n`,
    );
    assert.equal(JSON.stringify([preset.faults, preset.warnings]).includes('SECRET'), false);
  });
});

const amsText = (service: string): string =>
  `[${service}]\nprotocol: AMS\n[broker]\nhost: msg.example.org\nport: 443\n[messaging]\nams_project: accounting\ntoken: t\ndestination: d\npath: /x\n`;

describe('the protocol AMS', () => {
  for (const [service, where, paths] of [
    ['sender', 'ams.topic', { 'outgoing.path': '/x' }],
    ['receiver', 'ams.subscription', { 'incoming.path': '/x/incoming', 'reject.path': '/x/reject' }],
  ] as const)
    it(`becomes the transport of the ${service}`, () => {
      const preset = map(service, amsText(service));
      assert.deepEqual(preset.faults, []);
      assert.deepEqual(raw(preset), {
        transport: 'ams',
        'ams.host': 'msg.example.org',
        [where]: 'd',
        'ams.project': 'accounting',
        'ams.token': 't',
        ...paths,
      });
    });

  it('needs a host and a project', () => {
    const { faults } = map('sender', '[sender]\nprotocol: AMS\n');
    assert.match(faults.join(), /\[broker\] host: is required.*\[messaging\] ams_project: is required/s);
  });
});

describe('an old receiver.cfg', () => {
  it('has incoming and reject below one path', () => {
    const preset = map(
      'receiver',
      `${BROKER}[messaging]\npath: /var/spool/apel/\n[certificates]\ncheck_crls: true\n[daemon]\npidfile: /run/x.pid\n`,
    );
    assert.deepEqual(preset.warnings, []);
    const values = raw(preset);
    assert.equal(values['incoming.path'], '/var/spool/apel/incoming');
    assert.equal(values['reject.path'], '/var/spool/apel/reject');
    assert.equal(values['trust.crl'], 'require');
    assert.equal(values['pidFile'], '/run/x.pid');
    assert.equal(raw(map('receiver', `${BROKER}[certificates]\ncheck_crls: false\n`))['trust.crl'], 'off');
    assert.equal(raw(map('receiver', `${BROKER}[messaging]\npath: /\n`))['incoming.path'], '/incoming');
  });
});

const base = (protocol: string): Record<string, Record<string, string>> => ({
  sender: { protocol },
  broker: { host: 'h', port: '1' },
  messaging: { ams_project: 'p' },
});

function faultsWith(service: ServiceName, sections: string): readonly string[] {
  return map(service, `${BROKER}[messaging]\npath: /x\n${sections}`).faults;
}

describe('an old file with which nothing may be done', () => {
  it('is one without a path, and says what may be meant', () => {
    for (const service of ['sender', 'receiver'] as const) {
      const fault = (text: string): string => map(service, `${BROKER}${text}`).faults.join('\n');
      assert.equal(fault('[messaging]\ndestination: /q\n'), 'x.cfg: [messaging] path: is required');
      assert.equal(fault('[DEFAULT]\npath: /x\n'), 'x.cfg: [messaging] path: is required');
      assert.equal(fault('[DEFAULT]\npath: /x\n[messaging]\n'), '');
      assert.equal(
        fault('[messaging]\npth: /x\npath_type: dirq\n'),
        'x.cfg: [messaging] path: is required; did you mean it with [messaging] pth in line 5?',
      );
      assert.match(fault('[mesaging]\npath: /x\n'), /path: is required; did you mean it with \[mesaging\] path in line 5\?$/);
    }
    assert.match(map('sender', '[broker]\nhst: h\nport: 1\n').faults.join(), /host: is required, .*; did you mean it with \[broker\] hst/);
  });

  it('is that of the other service', () => {
    for (const section of ['receiver', 'daemon'])
      assert.deepEqual(faultsWith('sender', `[${section}]\n`), [
        `x.cfg:6 [${section}]: the file of a receiver; that of a sender has [sender] in place of it`,
      ]);
    assert.deepEqual(faultsWith('receiver', '[sender]\nprotocol: STOMP\n'), [
      'x.cfg:6 [sender]: the file of a sender; that of a receiver has [receiver] or [daemon] in place of it',
    ]);
    // Files of both services, and those of the time before [sender] and [receiver].
    for (const service of ['sender', 'receiver'] as const)
      for (const sections of ['', '[sender]\n[daemon]\npidfile: /p\n', '[sender]\n[receiver]\n'])
        assert.deepEqual(faultsWith(service, sections), []);
    assert.deepEqual(faultsWith('receiver', '[daemon]\npidfile: /p\n'), []);
  });
});

describe('the table of keys', () => {
  /** A value that each key takes. */
  const VALUES: Readonly<Record<string, string>> = {
    protocol: 'STOMP',
    port: '1',
    use_ssl: 'true',
    check_crls: 'true',
    verify_server_cert: 'true',
    path_type: 'dirq',
    level: 'INFO',
    console: 'true',
  };
  for (const service of ['sender', 'receiver'] as const)
    for (const { section, key, becomes } of CLASSIC_KEYS)
      it(`says of [${section}] ${key} what the ${service} makes of it`, () => {
        const changedBy = ['STOMP', 'AMS'].flatMap((protocol) => {
          const result = (mark: string): Preset => {
            const sections = base(protocol);
            sections[section] = { ...sections[section], [key]: key === 'protocol' ? protocol : (VALUES[key] ?? mark) };
            if (section === 'receiver') delete sections['sender'];
            const text = Object.entries(sections).map(
              ([name, keys]) =>
                `[${name}]\n${Object.entries(keys)
                  .map((pair) => pair.join(': '))
                  .join('\n')}\n`,
            );
            return map(service, text.join(''));
          };
          const place = `[${section}] ${key}`;
          const preset = result('marked');
          const named = [...preset.values].filter(([, { source }]) => source.endsWith(place)).map(([name]) => name);
          // Port and use_ssl go into the value that host names.
          const joined = ['port', 'use_ssl'].includes(key) && protocol === 'STOMP' ? ['broker.urls'] : [];
          return [...named, ...joined];
        });
        assert.deepEqual([...new Set(changedBy)].toSorted(), [...(becomes[service] ?? [])].toSorted());
      });

  it('names no new key that the services do not have, but for those of another transport', () => {
    const names = new Set([...known('sender'), ...known('receiver')]);
    const missing = CLASSIC_KEYS.flatMap(({ becomes }) => Object.values(becomes).flat()).filter((key) => !names.has(key));
    assert.deepEqual(
      [...new Set(missing)].filter((key) => key !== 'transport' && !key.startsWith('ams.')),
      [],
    );
  });
});
