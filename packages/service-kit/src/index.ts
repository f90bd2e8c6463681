export { type CommonSettings, commonSettings, type LifecycleSettings } from './common-settings.js';
export { loadConfig } from './config.js';
export type { ConfigSources } from './config-sources.js';
export { SERVICE_ERROR_CODES, ServiceError, type ServiceErrorCode } from './errors.js';
export { createHealth, type Health, type HealthOptions, type Readiness } from './health.js';
export { renderHelp } from './help.js';
export {
  EXIT_CODES,
  type Running,
  runService,
  type ServiceContext,
  type ServiceDefinition,
  type ServiceHost,
} from './lifecycle.js';
export type { LogFields, Logger, LogLevel } from './log.js';
export { type Counter, createMetrics, type Gauge, type Histogram, type MetricDescription, type Metrics } from './metrics.js';
export { type Reloadable, type ReloadOptions, watchFiles } from './reload.js';
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
export { runBounded, type WindowOptions } from './window.js';
