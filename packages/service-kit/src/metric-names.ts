/** The conventions of Prometheus for names, as far as a program can check them; a breach is a fault of the programmer: TypeError. */
const NAME = /^ssm(?:_[a-z][a-z0-9]*)+$/;
const LABEL = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
/** Labels that Prometheus itself attaches or gives a meaning. */
const RESERVED_LABELS = ['le', 'quantile', 'job', 'instance'];
/** Suffixes that the text format gives to the series of histograms and counters. */
const RESERVED_SUFFIXES = ['count', 'sum', 'bucket', 'created', 'info'];
/** Units other than the base units seconds, bytes, ratio. */
const WRONG_UNITS = ['ms', 'milliseconds', 'microseconds', 'minutes', 'hours', 'days', 'kb', 'mb', 'kilobytes', 'megabytes', 'percent'];

export function checkMetric(type: 'counter' | 'gauge' | 'histogram', name: string, help: string, labels: readonly string[]): void {
  const words = name.split('_');
  const last = words.at(-1) ?? '';
  const wrongUnit = words.find((word) => WRONG_UNITS.includes(word));
  const wrongLabel = labels.find((label) => !LABEL.test(label) || RESERVED_LABELS.includes(label));
  const faults = [
    !NAME.test(name) && 'must begin with ssm_ and be lower-case words joined with _',
    (last === 'total') !== (type === 'counter') && 'ends in _total if and only if it is a counter',
    RESERVED_SUFFIXES.includes(last) && `_${last} is reserved`,
    wrongUnit !== undefined && `${wrongUnit} is not a base unit (seconds, bytes, ratio)`,
    type === 'histogram' && !['seconds', 'bytes', 'ratio'].includes(last) && 'a histogram ends in its unit',
    help.trim() === '' && 'needs a help text',
    wrongLabel !== undefined && `label ${wrongLabel} is not allowed`,
    new Set(labels).size !== labels.length && 'has a label twice',
  ].filter((fault) => fault !== false);
  if (faults.length > 0) throw new TypeError(`metric ${name}: ${faults.join('; ')}`);
}
