export { amsConsuming, amsLogin, amsSubscription, amsTopic } from './ams-settings.js';
export { AnswerWatch } from './answer-watch.js';
export { amsOptions, stompOptions, type TlsSources, tlsMaterial } from './broker-options.js';
export { closest } from './closest.js';
export { type CommonSettings, commonSettings, type LifecycleSettings } from './common-settings.js';
export { commandLineFaults, loadConfig, UNUSED_PARTS, unusedParts } from './config.js';
export { type ConfigSources, type Layer, type Preset, sourceOf } from './config-sources.js';
export { endAtOnce, endProcess } from './end-process.js';
export { configFault, SERVICE_ERROR_CODES, ServiceError, type ServiceErrorCode } from './errors.js';
export { EXIT_CODES } from './exit-codes.js';
export { flushed } from './flush.js';
export { createHealth, type Health, type HealthOptions, type Liveness, type Readiness } from './health.js';
export { renderHelp } from './help.js';
export { runService } from './lifecycle.js';
export { createLogger, type LogFields, type Logger, type LoggerOptions, type LogLevel } from './log.js';
export type { LogOutput } from './log-output.js';
export { type Counter, createMetrics, type Gauge, type Histogram, type MetricDescription, type Metrics } from './metrics.js';
export { type Reloadable, type ReloadOptions, watchFiles } from './reload.js';
export type { Running, ServiceContext, ServiceDefinition, ServiceHost } from './service.js';
export {
  type ConfigOf,
  describeSettings,
  type FormatValue,
  type Setting,
  type SettingDescription,
  type SettingFormat,
  type Settings,
  setting,
} from './settings.js';
export { type SharedMetrics, sharedMetrics } from './shared-metrics.js';
export { readVersion, thisHost } from './this-process.js';
export { hexEscaped, jsonEscaped } from './unprintable.js';
export { whenStable } from './when-stable.js';
export { runBounded, type WindowOptions } from './window.js';
