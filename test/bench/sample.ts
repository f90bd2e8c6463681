/** One figure of one repeat. */
export interface Sample {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}
