/**
 * Whether the text matches a pattern in which `*` stands for any run of characters and `?` for one. Upper and lower case are the same.
 * Going back to the last `*` only, it takes at most pattern times text steps, whatever the pattern.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  const wanted = Array.from(pattern.toLowerCase());
  const given = Array.from(text.toLowerCase());
  let at = 0;
  let star: { readonly next: number; from: number } | undefined;
  for (let index = 0; index < given.length; ) {
    const symbol = wanted[at];
    if (symbol === '*') {
      at += 1;
      star = { next: at, from: index };
    } else if (symbol !== undefined && (symbol === '?' || symbol === given[index])) {
      at += 1;
      index += 1;
    } else if (star !== undefined) {
      at = star.next;
      star.from += 1;
      index = star.from;
    } else {
      return false;
    }
  }
  return wanted.slice(at).every((symbol) => symbol === '*');
}
