/** Longer texts are not compared: the distance takes quadratic time, and no key is so long. */
const MAX_COMPARED = 64;

/** The candidate that was probably meant, if one is close: letter case and separators do not count, then at most a quarter of the letters. */
export function closest(text: string, candidates: readonly string[]): string | undefined {
  const wanted = plain(text);
  if (wanted.length > MAX_COMPARED) return undefined;
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate));
    if (distance <= Math.max(1, Math.floor(wanted.length / 4)) && distance < (best?.distance ?? Infinity)) best = { candidate, distance };
  }
  return best?.candidate ?? onlyOneEndingWith(wanted, candidates);
}

/** `login` for `broker.login`: the last part alone, when just one key ends so. */
function onlyOneEndingWith(wanted: string, candidates: readonly string[]): string | undefined {
  const endings = candidates.filter((candidate) => plain(candidate.slice(candidate.lastIndexOf('.') + 1)) === wanted);
  return endings.length === 1 ? endings[0] : undefined;
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[-_.]/g, '');
}

/** Levenshtein's: insertions, deletions and substitutions. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
