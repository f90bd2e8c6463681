/** One query of a dashboard, and where it is. */
export interface PanelQuery {
  readonly panel: string;
  readonly expr: string;
  readonly legendFormat?: string;
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
  readonly panels?: readonly Panel[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly query?: string }[] };
}

/** Every query of every panel, those in rows included. */
export function panelQueries(panels: readonly Panel[]): PanelQuery[] {
  return panels.flatMap(({ title, targets = [], panels: inner = [] }) => [
    ...targets.map((target) => ({ panel: title, ...target })),
    ...panelQueries(inner),
  ]);
}

/** The expressions of a dashboard's JSON, those of its variables included. */
export function expressionsOf(json: string): string[] {
  const { panels, templating } = JSON.parse(json) as Dashboard;
  return [...panelQueries(panels).map(({ expr }) => expr), ...templating.list.flatMap(({ query }) => query ?? [])];
}
