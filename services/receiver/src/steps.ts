/** The stages of a message, in order (tell only where volumes share the record); each name stands for the moment when that stage has ended. */
export const STAGES = ['deliver', 'open', 'authorise', 'stage', 'record', 'store', 'tell', 'acknowledge', 'confirm'] as const;
export type Stage = (typeof STAGES)[number];

/** Called when a stage of a message has ended well; what it awaits, the message waits for. Only tests give one. */
export type StageHook = (stage: Stage) => void | Promise<void>;

/** Runs one stage of one message. */
export type Step = <T>(stage: Stage, work: () => T | Promise<T>) => Promise<T>;

export interface StepObserver {
  /** Seconds that a stage took, ended well or not. */
  readonly observe: (stage: Stage, seconds: number) => void;
  readonly moved: () => void;
  readonly onStage?: StageHook | undefined;
}

export function createStep({ observe, moved, onStage }: StepObserver): Step {
  return async (stage, work) => {
    const begun = performance.now();
    try {
      const result = await work();
      await onStage?.(stage);
      return result;
    } finally {
      observe(stage, (performance.now() - begun) / 1000);
      moved();
    }
  };
}
