/** What is done for every stage of every file: it is measured, and what waits for the volume is watched. */
import type { Health } from '@ssm/service-kit';
import type { Pipeline, Stage } from './pipeline.js';
import type { VolumeState } from './volume.js';

/** Stages that wait for the volume and nothing else. */
const OF_THE_VOLUME: ReadonlySet<Stage | 'read'> = new Set(['claim', 'read', 'remove']);

export interface StageTimingParts {
  readonly volume: Pick<VolumeState, 'answers'>;
  readonly health: Pick<Health, 'moved'>;
  readonly observe: (stage: Stage | 'read', seconds: number) => void;
}

/** Waits for the work of a stage; what fails is not measured. */
export function stageTiming({ volume, health, observe }: StageTimingParts): Pipeline['timed'] {
  return async (stage, work) => {
    const start = performance.now();
    const watch = OF_THE_VOLUME.has(stage) ? volume.answers.elements : undefined;
    watch?.asked();
    try {
      const result = await work;
      observe(stage, (performance.now() - start) / 1000);
      return result;
    } finally {
      watch?.answered();
      health.moved();
    }
  };
}
