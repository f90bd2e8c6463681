/** One look at one alert, after some minutes of made-up values (one a minute, as promtool writes them). */
export interface RuleCase {
  readonly alert: string;
  readonly series: Readonly<Record<string, string>>;
  /** When it is looked at. */
  readonly at: string;
  /** Labels of the alerts that fire then, severity left out. */
  readonly fires: readonly Readonly<Record<string, string>>[];
}

const WHO = { job: 'ssm', instance: 'a:1' };
const at = (more = ''): string => `{job="ssm", instance="a:1"${more === '' ? '' : `, ${more}`}}`;

const POD = (instance: string, container = 'ssm'): string =>
  `{job="pods", namespace="n", container="${container}", instance="${instance}"}`;

interface Look {
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** An alert with a case in which it fires, and cases in which it does not. */
function alert(name: string, firing: Look, ...quiet: readonly Look[]): RuleCase[] {
  return [
    { alert: name, series: firing.series, at: firing.at, fires: [{ ...WHO, ...firing.labels }] },
    ...quiet.map(({ series, at: time }) => ({ alert: name, series, at: time, fires: [] })),
  ];
}

/** An alert of a counter that shows its first series with the first event: it fires at the first, and at a rise, and ends. */
function rising(name: string, metric: string, label: string, minutes: number): RuleCase[] {
  const [key = '', value = ''] = label.replaceAll('"', '').split('=');
  const labels = { [key]: value };
  /** Values of the counter, and of the start of its process. */
  const series = (counter: string, started: string): Look['series'] => ({
    [`${metric}${at(label)}`]: counter,
    [`ssm_process_start_time_seconds${at()}`]: started,
  });
  const first = series('_x100 1x400', '0x500');
  const atStart = series('_x100 1x400', '_x100 5990x400');
  const later = series('3x300 4x100', '0x400');
  // The process before had counted as many. What is there again counts from nothing.
  const restarted = series(`1x100 _x${minutes + 10} 1x100`, `0x100 6000x200`);
  // The first event of a process while scrapes failed for about as long as the alert looks back; the second was started meanwhile, too.
  const away = minutes + 5;
  const unseen = series(`_x${100 + away} 1x300`, `0x100 _x${away} 0x300`);
  const startedUnseen = series(`1x100 _x${away} 1x300`, `0x100 _x${away} 6030x300`);
  // Long after a restart; with scrapes that failed in between.
  const lateAfterRestart = series(`1x100 _x${2 * minutes} 1x300`, `0x100 6000x${2 * minutes + 300}`);
  const unseenAfterRestart = series(`1x100 _x${30 + away} 1x300`, `0x100 6000x30 _x${away} 6000x300`);
  const gap = (length: number): Look['series'] => series(`3x300 _x${length} 3x400`, `0x300 _x${length} 0x400`);
  return [
    ...alert(name, { series: first, at: '103m', labels }, { series: first, at: `${minutes + 110}m` }),
    ...alert(name, { series: atStart, at: '103m', labels }, { series: atStart, at: `${minutes + 110}m` }),
    ...alert(name, { series: later, at: '303m', labels }, { series: later, at: '299m' }, { series: later, at: '400m' }),
    ...alert(name, { series: restarted, at: `${minutes + 113}m`, labels }, { series: restarted, at: `${2 * minutes + 120}m` }),
    ...(
      [
        [unseen, 100 + away],
        [startedUnseen, 100 + away],
        [lateAfterRestart, 100 + 2 * minutes],
        [unseenAfterRestart, 130 + away],
      ] as const
    ).flatMap(([values, time]) =>
      alert(name, { series: values, at: `${time + 4}m`, labels }, { series: values, at: `${time + minutes + 10}m` }),
    ),
    // Scrapes that failed, for less than the time that the alert looks back, and for longer.
    ...[10, 2 * minutes].flatMap((length) =>
      [302 + length, 307 + minutes, 302 + length + minutes].map((time) => ({
        alert: name,
        series: gap(length),
        at: `${time}m`,
        fires: [],
      })),
    ),
  ];
}

const DAY = 24 * 60;

/** SsmNoSuccess of a target that works and one that has carried nothing, in one job that has all of them. */
function beside(labels: Readonly<Record<string, string>>): RuleCase[] {
  const target = (instance: string): string =>
    `{${Object.entries({ job: 'all', instance, ...labels })
      .map(([key, value]) => `${key}="${value}"`)
      .join(', ')}}`;
  const series = {
    [`ssm_last_success_timestamp_seconds${target('works')}`]: `0+60x${2 * DAY}`,
    [`ssm_process_start_time_seconds${target('works')}`]: `0x${2 * DAY}`,
    [`ssm_last_success_timestamp_seconds${target('silent')}`]: `60x${2 * DAY}`,
    [`ssm_process_start_time_seconds${target('silent')}`]: `0x${2 * DAY}`,
  };
  return [{ alert: 'SsmNoSuccess', series, at: '40h', fires: [{ job: 'all', instance: 'silent', ...labels }] }];
}

/** SsmNoSuccess of two pods of a set, by when each had its last success, and when the second was started. */
function set(successes: readonly [number, number], time: string, fires: boolean, startOfSecond = 0): RuleCase[] {
  const series = successes.flatMap((success, index) => {
    const pod = POD(`10.0.0.${index}:1`);
    return [
      [`ssm_last_success_timestamp_seconds${pod}`, `${success}x${2 * DAY}`],
      [`ssm_process_start_time_seconds${pod}`, `${index * startOfSecond}x${2 * DAY}`],
    ] as const;
  });
  const labels = { job: 'pods', namespace: 'n', container: 'ssm' };
  return [{ alert: 'SsmNoSuccess', series: Object.fromEntries(series), at: time, fires: fires ? [labels] : [] }];
}

/** Bad for five minutes of six, again and again. */
const FLAPPING = `1x10 ${Array.from({ length: 40 }, () => '0x4 1').join(' ')}`;
/** A restart, and the start of a new one, which is not ready at once. */
const SHORT = ['1x30 0x4 1x60', '1x30 _x2 0x4 1x60', '_x30 0x6 1x60'];

/** An alert of a state that is bad for half of a time: it fires and stays when the state changes all the time, and tells of no short one. */
function unsteady(name: string, minutes: number, series: (values: string) => Look['series'], labels = {}): RuleCase[] {
  const stays = Array.from({ length: 20 }, (_, index) => ({ series: series(FLAPPING), at: `${10 + minutes + 7 * index}m`, labels }));
  const quiet = SHORT.flatMap((values) => ['33m', '36m', '40m', '50m'].map((time) => ({ series: series(values), at: time })));
  const over = { series: series(`1x5 0x60 1x60`), at: `${68 + minutes / 2}m` };
  return [
    ...stays.flatMap((look) => alert(name, look)),
    ...alert(name, { series: series('1x5 0x60'), at: `${6 + minutes / 2}m`, labels }, ...quiet, over),
    ...alert(name, { series: series('0x60'), at: `${minutes / 2}m`, labels }, { series: series('1x60'), at: '50m' }),
  ];
}

const SERVICE: readonly RuleCase[] = [
  ...alert(
    'SsmDown',
    { series: { [`up${at()}`]: '1x5 0x60', [`ssm_build_info${at('version="1"')}`]: '1x5 _x60' }, at: '20m' },
    { series: { [`up${at()}`]: '1x5 0x60', [`ssm_build_info${at('version="1"')}`]: '1x5 _x60' }, at: '8m' },
    { series: { [`up${at()}`]: '1x60', [`ssm_build_info${at()}`]: '1x60' }, at: '20m' },
    // Something else is down.
    { series: { [`up${at()}`]: '0x60' }, at: '20m' },
  ),
  // A pod that took the place of another never answered; nor did something else that is no SSM.
  {
    alert: 'SsmDown',
    series: {
      [`up${POD('10.0.0.1:1')}`]: '1x5 _x60',
      [`ssm_build_info${POD('10.0.0.1:1')}`]: '1x5 _x60',
      [`up${POD('10.0.0.2:1')}`]: '_x6 0x60',
      // The job may have all pods there are.
      [`up${POD('10.0.0.3:1', 'database')}`]: '0x60',
    },
    at: '20m',
    fires: [{ job: 'pods', namespace: 'n', container: 'ssm', instance: '10.0.0.2:1' }],
  },
  ...alert(
    'SsmNotReady',
    { series: { [`ssm_ready${at()}`]: '1x5 0x60' }, at: '20m' },
    { series: { [`ssm_ready${at()}`]: '1x5 0x60' }, at: '12m' },
    { series: { [`ssm_ready${at()}`]: '1x60' }, at: '20m' },
  ),
  ...unsteady('SsmNotReady', 20, (values) => ({ [`ssm_ready${at()}`]: values })),
  ...alert(
    'SsmStuck',
    { series: { [`ssm_live${at()}`]: '1x5 0x60' }, at: '10m' },
    { series: { [`ssm_live${at()}`]: '1x5 0x60' }, at: '7m' },
    { series: { [`ssm_live${at()}`]: '1x60' }, at: '20m' },
    { series: { [`ssm_live${at()}`]: '1x5 0 1x60' }, at: '20m' },
  ),
  // A liveness probe restarts it each time.
  ...alert('SsmStuck', { series: { [`ssm_live${at()}`]: `${'1x4 0 '.repeat(8)}1x60` }, at: '40m' }),
  ...unsteady('SsmDisconnected', 20, (values) => ({
    [`ssm_broker_connected${at('broker="x"')}`]: values,
    [`ssm_broker_connected${at('broker="y"')}`]: values,
  })),
  ...alert(
    'SsmDisconnected',
    { series: { [`ssm_broker_connected${at('broker="x"')}`]: '0x60', [`ssm_broker_connected${at('broker="y"')}`]: '0x60' }, at: '12m' },
    { series: { [`ssm_broker_connected${at('broker="x"')}`]: '0x60', [`ssm_broker_connected${at('broker="y"')}`]: '1x60' }, at: '12m' },
  ),
  // Times begin at 1970: 40 hours without any success after a start at 0.
  ...alert(
    'SsmNoSuccess',
    {
      series: { [`ssm_last_success_timestamp_seconds${at()}`]: `0x${2 * DAY}`, [`ssm_process_start_time_seconds${at()}`]: `0x${2 * DAY}` },
      at: '40h',
    },
    {
      series: {
        [`ssm_last_success_timestamp_seconds${at()}`]: `0x${2 * DAY}`,
        [`ssm_process_start_time_seconds${at()}`]: `36000x${2 * DAY}`,
      },
      at: '40h',
    },
    {
      series: {
        [`ssm_last_success_timestamp_seconds${at()}`]: `72000x${2 * DAY}`,
        [`ssm_process_start_time_seconds${at()}`]: `0x${2 * DAY}`,
      },
      at: '40h',
    },
  ),
  ...set([0, 0], '40h', true),
  // One of two gets all the messages; the other had its last one, if any, long ago, and has just been started again.
  ...set([0, 72_000], '40h', false),
  ...set([1000, 72_000], '40h', false),
  ...set([1000, 0], '40h', true, 100_000),
  // Without both labels nothing says which targets are one set.
  ...beside({}),
  ...beside({ namespace: 'n' }),
  ...beside({ container: 'ssm' }),
  ...alert(
    'SsmCertificateExpiring',
    {
      series: { [`ssm_certificate_remaining_seconds${at('certificate="identity"')}`]: '1200000x30' },
      at: '20m',
      labels: { certificate: 'identity' },
    },
    { series: { [`ssm_certificate_remaining_seconds${at('certificate="identity"')}`]: '1300000x30' }, at: '20m' },
  ),
  ...alert(
    'SsmCertificateExpiringSoon',
    {
      series: { [`ssm_certificate_remaining_seconds${at('certificate="broker"')}`]: '-5x30' },
      at: '20m',
      labels: { certificate: 'broker' },
    },
    { series: { [`ssm_certificate_remaining_seconds${at('certificate="broker"')}`]: '180000x30' }, at: '20m' },
  ),
  ...alert(
    'SsmCrlExpiring',
    { series: { [`ssm_crl_next_update_timestamp_seconds${at('issuer="CA"')}`]: '25000x200' }, at: '130m', labels: { issuer: 'CA' } },
    { series: { [`ssm_crl_next_update_timestamp_seconds${at('issuer="CA"')}`]: '25000x70 999999x130' }, at: '130m' },
  ),
  ...alert(
    'SsmReloadFailed',
    { series: { [`ssm_reload_failed${at('source="trust"')}`]: '1x30' }, at: '10m', labels: { source: 'trust' } },
    { series: { [`ssm_reload_failed${at('source="trust"')}`]: '1x3 0x30' }, at: '10m' },
  ),
  ...alert(
    'SsmLogLinesDropped',
    { series: { [`ssm_log_lines_dropped_total${at()}`]: '0x5 7x200' }, at: '30m' },
    { series: { [`ssm_log_lines_dropped_total${at()}`]: '7x200' }, at: '30m' },
  ),
];

const SENDER: readonly RuleCase[] = [
  ...alert(
    'SsmOutgoingOld',
    { series: { [`ssm_queue_oldest_age_seconds${at('queue="outgoing"')}`]: '3500+60x30' }, at: '20m', labels: { queue: 'outgoing' } },
    { series: { [`ssm_queue_oldest_age_seconds${at('queue="outgoing"')}`]: '100+60x30' }, at: '20m' },
    { series: { [`ssm_queue_oldest_age_seconds${at('queue="incoming"')}`]: '9999x30' }, at: '20m' },
  ),
  ...alert(
    'SsmOutgoingGrowing',
    { series: { [`ssm_queue_elements${at('queue="outgoing"')}`]: '900+20x200' }, at: '150m', labels: { queue: 'outgoing' } },
    // Large, but it shrinks; growing, but small.
    { series: { [`ssm_queue_elements${at('queue="outgoing"')}`]: '90000-20x200' }, at: '150m' },
    { series: { [`ssm_queue_elements${at('queue="outgoing"')}`]: '0+5x200' }, at: '150m' },
  ),
  ...alert(
    'SsmQuarantine',
    { series: { [`ssm_queue_elements${at('queue="quarantine"')}`]: '0x5 1x30' }, at: '6m', labels: { queue: 'quarantine' } },
    {
      series: { [`ssm_queue_elements${at('queue="quarantine"')}`]: '0x30', [`ssm_queue_elements${at('queue="outgoing"')}`]: '9x30' },
      at: '6m',
    },
  ),
  ...alert(
    'SsmSendingFails',
    { series: { [`ssm_waiting_messages${at()}`]: '2x60' }, at: '35m' },
    { series: { [`ssm_waiting_messages${at()}`]: '2x20 0x2 2x40' }, at: '35m' },
  ),
];

/** Values of the last scan, of the connection, and of what was sent, for a process that was started at 0. */
const scans = (last: string, connected: string, sent?: string): Look['series'] => ({
  [`ssm_last_scan_timestamp_seconds${at()}`]: last,
  [`ssm_process_start_time_seconds${at()}`]: '0x100',
  [`ssm_broker_connected${at('broker="x"')}`]: connected,
  [`ssm_broker_connected${at('broker="y"')}`]: '0x100',
  ...(sent !== undefined && { [`ssm_messages_total${at('result="sent"')}`]: sent }),
});

const SCANNING: readonly RuleCase[] = [
  ...alert(
    'SsmNotScanning',
    { series: scans('0+60x10 600x90', '1x100', '0+5x10 50x90'), at: '35m' },
    { series: scans('0+60x10 600x90', '1x100', '0+5x10 50x90'), at: '28m' },
    { series: scans('0+60x100', '1x100', '0+5x100'), at: '60m' },
    // Nothing is looked through while no broker is connected; a moment after that it is.
    { series: scans('0+60x10 600x90', '1x10 0x90'), at: '60m' },
    { series: scans('0+60x10 600x50 3720+60x30', '1x10 0x50 1x30'), at: '63m' },
    // A pass over a long backlog.
    { series: scans('0+60x10 600x90', '1x100', '0+5x100'), at: '60m' },
  ),
  // Nothing was ever seen, and nothing sent.
  ...alert('SsmNotScanning', { series: scans('0x100', '1x100'), at: '25m' }, { series: scans('0x100', '1x100'), at: '18m' }),
];

const LAST = 'ssm_signer_last_message_timestamp_seconds';
const SIGNER = { job: 'ssm', signer: '/CN=a' };
const lastAt = (instance: string): string => `${LAST}{job="ssm", instance="${instance}", index="${instance}", signer="/CN=a"}`;
/** Receiver b had a message of the signer after 50 hours, a never again. */
const SHARED = { [lastAt('a:1')]: `0x${5 * DAY}`, [lastAt('b:1')]: `0x3000 180000x${2 * DAY}` };

/** One for a signer, however many receivers there are. */
const SILENCE: readonly RuleCase[] = [
  { alert: 'SsmSignerSilent', series: { [lastAt('a:1')]: `0x${4 * DAY}` }, at: '71h', fires: [] },
  { alert: 'SsmSignerSilent', series: { [lastAt('a:1')]: `0x${4 * DAY}` }, at: '73h', fires: [SIGNER] },
  { alert: 'SsmSignerSilent', series: SHARED, at: '80h', fires: [] },
];

const RECEIVER: readonly RuleCase[] = [
  ...alert(
    'SsmIncomingOld',
    { series: { [`ssm_queue_oldest_age_seconds${at('queue="incoming"')}`]: '3500+60x30' }, at: '20m', labels: { queue: 'incoming' } },
    { series: { [`ssm_queue_oldest_age_seconds${at('queue="incoming"')}`]: '0x30' }, at: '20m' },
  ),
  ...alert(
    'SsmIncomingGrowing',
    { series: { [`ssm_queue_elements${at('queue="incoming"')}`]: '9000+200x200' }, at: '150m', labels: { queue: 'incoming' } },
    { series: { [`ssm_queue_elements${at('queue="incoming"')}`]: '90000x200' }, at: '150m' },
  ),
  ...alert(
    'SsmConsumingStopped',
    { series: { [`ssm_consuming${at()}`]: '0x30' }, at: '12m' },
    { series: { [`ssm_consuming${at()}`]: '0x5 1x3 0x30' }, at: '12m' },
  ),
  ...unsteady('SsmConsumingStopped', 20, (values) => ({ [`ssm_consuming${at()}`]: values })),
  ...unsteady(
    'SsmBrokerAway',
    30,
    (values) => ({ [`ssm_broker_connected${at('broker="x"')}`]: values, [`ssm_consuming${at()}`]: '1x250' }),
    { broker: 'x' },
  ),
  ...alert(
    'SsmBrokerAway',
    {
      series: {
        [`ssm_broker_connected${at('broker="x"')}`]: '0x60',
        [`ssm_broker_connected${at('broker="y"')}`]: '1x60',
        [`ssm_consuming${at()}`]: '1x60',
      },
      at: '20m',
      labels: { broker: 'x' },
    },
    // A sender uses one of its brokers at a time; a receiver that has stopped is told of by another alert.
    { series: { [`ssm_broker_connected${at('broker="x"')}`]: '0x60' }, at: '20m' },
    { series: { [`ssm_broker_connected${at('broker="x"')}`]: '0x60', [`ssm_consuming${at()}`]: '0x60' }, at: '20m' },
  ),
  ...rising('SsmDiskFailing', 'ssm_local_troubles_total', 'component="incoming"', 15),
  ...alert(
    'SsmDiskFailing',
    { series: { [`ssm_local_troubles_total${at('component="reject"')}`]: '0+1x30' }, at: '20m', labels: { component: 'reject' } },
    { series: { [`ssm_local_troubles_total${at('component="trust"')}`]: '0+1x30' }, at: '20m' },
    { series: { [`ssm_local_troubles_total${at('component="delivery-record"')}`]: '0+1x30' }, at: '20m' },
  ),
  ...rising('SsmDeliveryRecordFailing', 'ssm_local_troubles_total', 'component="delivery-record"', 15),
  ...rising('SsmDeliveryRecordDamaged', 'ssm_delivery_record_failures_total', 'operation="recover"', 60),
  ...alert(
    'SsmDeliveryHeld',
    { series: { [`ssm_held_messages${at()}`]: '0x5 2x60' }, at: '8m' },
    { series: { [`ssm_held_messages${at()}`]: '0x5 2x60' }, at: '6m' },
    // Over with a restart of the other.
    { series: { [`ssm_held_messages${at()}`]: '0x5 2x1 0x60' }, at: '8m' },
    { series: { [`ssm_held_messages${at()}`]: '0x5 2x3 0x60' }, at: '20m' },
  ),
  // After the limit of two minutes the receiver stands still, with the same messages to wait for.
  ...alert('SsmDeliveryHeld', {
    series: { [`ssm_held_messages${at()}`]: '0x5 5x2 2x300', [`ssm_consuming${at()}`]: '1x7 0x300' },
    at: '5h',
  }),
  ...alert(
    'SsmStoredTwice',
    { series: { [`ssm_stored_twice_messages_total${at()}`]: '0x5 1x300' }, at: '8m' },
    { series: { [`ssm_stored_twice_messages_total${at()}`]: '0x5 1x300' }, at: '4m' },
    { series: { [`ssm_stored_twice_messages_total${at()}`]: '0x5 1x300', [`ssm_process_start_time_seconds${at()}`]: '0x305' }, at: '200m' },
  ),
  // It was counted between the start and the first scrape.
  ...alert('SsmStoredTwice', {
    series: { [`ssm_stored_twice_messages_total${at()}`]: '_x5 1x300', [`ssm_process_start_time_seconds${at()}`]: '_x5 290x300' },
    at: '8m',
  }),
  // And while scrapes failed.
  ...alert('SsmStoredTwice', {
    series: {
      [`ssm_stored_twice_messages_total${at()}`]: '0x100 _x70 1x300',
      [`ssm_process_start_time_seconds${at()}`]: '0x100 _x70 0x300',
    },
    at: '175m',
  }),
  ...rising('SsmRejects', 'ssm_rejected_messages_total', 'code="dn-not-listed"', 60),
  ...rising('SsmRejectsReduced', 'ssm_rejects_reduced_total', 'code="dn-not-listed"', 60),
  ...SILENCE,
];

/** Every alert, at least once firing and once not. */
export const CASES: readonly RuleCase[] = [...SERVICE, ...SENDER, ...SCANNING, ...RECEIVER];
