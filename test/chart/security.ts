import type { Container, PodSpec } from './helm.js';

// The restricted Pod Security Standard, as its page lists it (Linux, no Windows pods).

const VOLUMES = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'];
const SECCOMP = ['RuntimeDefault', 'Localhost'];

interface Context {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number | null;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

function containerFaults(container: Container, pod: Context): string[] {
  const own = (container.securityContext ?? {}) as Context;
  const faults: string[] = [];
  const must = (holds: boolean, what: string): void => void (holds || faults.push(`${container.name}: ${what}`));
  must(own.privileged !== true, 'privileged');
  must(own.allowPrivilegeEscalation === false, 'may gain privileges');
  must(own.capabilities?.drop?.includes('ALL') === true, 'capabilities are not dropped');
  must(
    (own.capabilities?.add ?? []).every((name) => name === 'NET_BIND_SERVICE'),
    'capabilities are added',
  );
  must((own.runAsNonRoot ?? pod.runAsNonRoot) === true, 'may run as root');
  must((own.runAsUser ?? pod.runAsUser) !== 0, 'runs as root');
  must(SECCOMP.includes((own.seccompProfile ?? pod.seccompProfile)?.type ?? ''), 'no seccomp profile');
  return faults;
}

/** What of a pod the restricted standard does not allow. */
export function restrictedFaults(spec: PodSpec): string[] {
  const pod = spec.securityContext as Context;
  const host = ['hostNetwork', 'hostPID', 'hostIPC'].filter((key) => Object.hasOwn(spec, key));
  const volumes = (spec.volumes ?? []).flatMap(({ name, ...source }) =>
    Object.keys(source)
      .filter((kind) => !VOLUMES.includes(kind))
      .map((kind) => `volume ${name}: ${kind}`),
  );
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return [...host, ...volumes, ...containers.flatMap((container) => containerFaults(container, pod))];
}
